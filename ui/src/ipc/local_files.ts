// Files a browser was given by dropping or choosing, with their paths inside what was given.

/** A file, or an empty folder. */
export type LocalFile = { path: string; file: File | null };

/** Reads everything in a drop, folders included. The entries must be taken before the event ends. */
export function collect(transfer: DataTransfer): Promise<LocalFile[]> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  if (entries.length === 0) {
    return Promise.resolve([...transfer.files].map((file) => ({ path: file.name, file })));
  }
  return Promise.all(entries.map(walk)).then((found) => found.flat());
}

const pathOf = (entry: FileSystemEntry) => entry.fullPath.replace(/^\//, "");

async function walk(entry: FileSystemEntry): Promise<LocalFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => {
      (entry as FileSystemFileEntry).file(done, failed);
    });
    return [{ path: pathOf(entry), file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: LocalFile[] = [];
  let isEmpty = true;
  for (;;) {
    // A reader gives at most 100 entries a call, and an empty list at the end.
    const batch = await new Promise<FileSystemEntry[]>((done, failed) => {
      reader.readEntries(done, failed);
    });
    if (batch.length === 0) return isEmpty ? [{ path: pathOf(entry), file: null }] : found;
    isEmpty = false;
    for (const child of batch) found.push(...(await walk(child)));
  }
}

/** Opens the browser's own picker. */
export function fromInput(what: "files" | "folder"): Promise<LocalFile[]> {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.webkitdirectory = what === "folder";
  return new Promise((done) => {
    input.addEventListener("cancel", () => done([]));
    input.addEventListener("change", () => {
      done([...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
    });
    input.click();
  });
}
