//! The part of the index that knows contents: manifests, and their pieces once each.

use std::collections::BTreeSet;

use shoal_engine::chunk::{self, Encoded};
use shoal_engine::id::{ChunkHash, ContentId};

use crate::chunk_places::{self, Pending};
use crate::index_db::{BATCH_RECORDS, IndexDb};
use crate::rebuild::Trees;

/// How much of a hash is a key.
const HALF: usize = 16;

impl IndexDb {
    /// Remembers manifests.
    pub(crate) fn save_manifests(&self, manifests: &[(ContentId, Encoded)]) {
        let save_all = |trees: &Trees| {
            let mut pending = trees.pending()?;
            for part in manifests.chunks(BATCH_RECORDS) {
                save(trees, pending.get_mut(), part)?;
            }
            Ok(())
        };
        // An index that fails is replaced by an empty one, and that one can still take them.
        if self.with(save_all).is_none() {
            self.with(save_all);
        }
    }

    /// The manifest of a content, checked against its id.
    pub(crate) fn manifest(&self, content: ContentId) -> Option<Encoded> {
        self.with(|trees| read(trees, content)).flatten()
    }

    /// Some contents that probably hold a chunk, and its place in each.
    pub(crate) fn chunk_places(&self, chunk: ChunkHash) -> Vec<(ContentId, u32)> {
        self.with(|trees| chunk_places::find(trees, trees.pending()?.get_mut(), chunk)).unwrap_or_default()
    }

    /// Forgets every manifest but those that are wanted.
    pub(crate) fn keep_manifests(&self, is_wanted: &dyn Fn(ContentId) -> bool) {
        self.with(|trees| {
            let mut pending = trees.pending()?;
            let mut pieces = BTreeSet::new();
            let mut gone = Vec::new();
            for item in &trees.manifests {
                let (key, root) = item?;
                if is_wanted(ContentId(*blake3::hash(&root).as_bytes())) {
                    let named = chunk::pieces_of(&root).unwrap_or_default();
                    pieces.extend(named.iter().map(|piece| half(&piece.hash.0).to_vec()));
                } else {
                    gone.push(key);
                }
            }
            remove(&trees.manifests, gone)?;
            remove_unless(&trees.pieces, |key, _| pieces.contains(key))?;
            remove_unless(&trees.contents, |_, id| ContentId::from_slice(id).is_some_and(is_wanted))?;
            chunk_places::merge(trees, pending.get_mut())
        });
    }
}

fn save(trees: &Trees, pending: &mut Pending, manifests: &[(ContentId, Encoded)]) -> sled::Result<()> {
    let (mut roots, mut pieces) = (sled::Batch::default(), sled::Batch::default());
    let mut fresh = Vec::new();
    for (content, manifest) in manifests {
        if is_known(trees, *content, &manifest.pieces)? {
            continue;
        }
        roots.insert(half(&content.0), manifest.root.as_slice());
        for piece in &manifest.pieces {
            pieces.insert(half(blake3::hash(piece).as_bytes()), piece.as_slice());
        }
        fresh.push((*content, manifest));
    }
    // The root after its pieces: where it is found, the rest was written. Places are read from it after a crash.
    trees.pieces.apply_batch(pieces)?;
    trees.manifests.apply_batch(roots)?;
    for (content, manifest) in fresh {
        chunk_places::save(trees, pending, content, manifest)?;
    }
    Ok(())
}

fn is_known(trees: &Trees, content: ContentId, pieces: &[Vec<u8>]) -> sled::Result<bool> {
    let mut known = trees.manifests.contains_key(half(&content.0))?;
    for piece in pieces {
        known = known && trees.pieces.contains_key(half(blake3::hash(piece).as_bytes()))?;
    }
    Ok(known)
}

/// The manifest of a content, `None` unless all of it is there and matches its hashes.
pub(crate) fn read(trees: &Trees, content: ContentId) -> sled::Result<Option<Encoded>> {
    let Some(root) = trees.manifests.get(half(&content.0))? else { return Ok(None) };
    let named = chunk::pieces_of(&root).ok().filter(|_| *blake3::hash(&root).as_bytes() == content.0);
    let Some(named) = named else { return Ok(None) };
    let mut pieces = Vec::with_capacity(named.len());
    for name in named {
        let piece = trees.pieces.get(half(&name.hash.0))?;
        let Some(piece) = piece.filter(|piece| *blake3::hash(piece).as_bytes() == name.hash.0) else {
            return Ok(None);
        };
        pieces.push(piece.to_vec());
    }
    Ok(Some(Encoded { root: root.to_vec(), pieces }))
}

/// Removes keys in batches.
pub(crate) fn remove(tree: &sled::Tree, keys: Vec<sled::IVec>) -> sled::Result<()> {
    for part in keys.chunks(BATCH_RECORDS) {
        let mut batch = sled::Batch::default();
        part.iter().for_each(|key| batch.remove(key));
        tree.apply_batch(batch)?;
    }
    Ok(())
}

fn remove_unless(tree: &sled::Tree, stays: impl Fn(&[u8], &[u8]) -> bool) -> sled::Result<()> {
    let mut gone = Vec::new();
    for item in tree {
        let (key, value) = item?;
        if !stays(&key, &value) {
            gone.push(key);
        }
    }
    remove(tree, gone)
}

fn half(hash: &[u8; 32]) -> &[u8] {
    &hash[..HALF]
}
