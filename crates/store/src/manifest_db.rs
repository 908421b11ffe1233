//! The part of the index that knows contents: manifests, their pieces once each, and where a chunk can be found.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use shoal_engine::chunk::{self, Encoded, Manifest, ZEROS};
use shoal_engine::id::{ChunkHash, ContentId};

use crate::index_db::{BATCH_RECORDS, IndexDb};
use crate::rebuild::Trees;

/// Places given for one chunk: the nearest few are as good as all, and some chunks are in every file.
const PLACES_MAX: usize = 16;

/// How much of a hash is a key.
const HALF: usize = 16;

impl IndexDb {
    /// Remembers manifests.
    pub(crate) fn save_manifests(&self, manifests: &[(ContentId, Encoded)]) {
        self.with(|trees| {
            let _held = self.numbering.lock().unwrap_or_else(PoisonError::into_inner);
            for part in manifests.chunks(BATCH_RECORDS) {
                save(trees, part)?;
            }
            Ok(())
        });
    }

    /// The manifest of a content, checked against its id.
    pub(crate) fn manifest(&self, content: ContentId) -> Option<Encoded> {
        self.with(|trees| read(trees, content)).flatten()
    }

    /// Some contents that hold a chunk, and its place in each.
    pub(crate) fn chunk_places(&self, chunk: ChunkHash) -> Vec<(ContentId, u32)> {
        let found = self.with(|trees| {
            let mut found = Vec::new();
            for item in trees.places.scan_prefix(half(&chunk.0)) {
                let (key, place) = item?;
                let content = trees.contents.get(&key[HALF..])?.and_then(|id| ContentId::from_slice(&id));
                let place = place.as_ref().try_into().ok().map(u32::from_be_bytes);
                found.extend(content.zip(place));
                if found.len() == PLACES_MAX {
                    break;
                }
            }
            Ok(found)
        });
        found.unwrap_or_default()
    }

    /// Forgets every manifest but those that are wanted.
    pub(crate) fn keep_manifests(&self, is_wanted: &dyn Fn(ContentId) -> bool) {
        self.with(|trees| {
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
            let mut numbers = BTreeSet::new();
            for key in trees.contents.iter().keys() {
                numbers.insert(key?.to_vec());
            }
            remove_unless(&trees.places, |key, _| key.get(HALF..).is_some_and(|number| numbers.contains(number)))
        });
    }
}

fn save(trees: &Trees, manifests: &[(ContentId, Encoded)]) -> sled::Result<()> {
    let (mut roots, mut pieces) = (sled::Batch::default(), sled::Batch::default());
    let (mut contents, mut places) = (sled::Batch::default(), sled::Batch::default());
    let mut next = next_content_number(trees)?;
    for (content, Encoded { root, pieces: parts }) in manifests {
        if is_known(trees, *content, parts)? {
            continue;
        }
        roots.insert(half(&content.0), root.as_slice());
        for part in parts {
            pieces.insert(half(blake3::hash(part).as_bytes()), part.as_slice());
        }
        let firsts = first_places(root, parts);
        if !firsts.is_empty() {
            contents.insert(&next.to_be_bytes(), &content.0);
            for (chunk, place) in firsts {
                places.insert([half(&chunk), &next.to_be_bytes()].concat(), &place.to_be_bytes());
            }
            next += 1;
        }
    }
    // The root last: where it is found, the rest was written.
    trees.pieces.apply_batch(pieces)?;
    trees.contents.apply_batch(contents)?;
    trees.places.apply_batch(places)?;
    trees.manifests.apply_batch(roots)
}

fn is_known(trees: &Trees, content: ContentId, pieces: &[Vec<u8>]) -> sled::Result<bool> {
    let mut known = trees.manifests.contains_key(half(&content.0))?;
    for piece in pieces {
        known = known && trees.pieces.contains_key(half(blake3::hash(piece).as_bytes()))?;
    }
    Ok(known)
}

fn read(trees: &Trees, content: ContentId) -> sled::Result<Option<Encoded>> {
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

/// Each chunk of a file of several with its first place, without runs of zeros.
fn first_places(root: &[u8], pieces: &[Vec<u8>]) -> Vec<([u8; 32], u32)> {
    let Some(manifest) = Manifest::decode(root, pieces).ok().filter(|manifest| manifest.chunks.len() > 1) else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let chunks = (0..).zip(&manifest.chunks).filter(|(_, chunk)| chunk.hash != ZEROS && seen.insert(chunk.hash));
    chunks.map(|(place, chunk)| (chunk.hash.0, place)).collect()
}

fn next_content_number(trees: &Trees) -> sled::Result<u32> {
    let last = trees.contents.last()?;
    let number = last.and_then(|(key, _)| key.as_ref().try_into().ok().map(u32::from_be_bytes));
    match number.map_or(Some(0), |number| number.checked_add(1)) {
        Some(next) => Ok(next),
        None => Err(sled::Error::Unsupported("content numbers are used up".to_owned())),
    }
}

fn remove(tree: &sled::Tree, keys: Vec<sled::IVec>) -> sled::Result<()> {
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
