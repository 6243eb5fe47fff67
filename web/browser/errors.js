// @ts-check
/** What is wrong with a photograph or a model, in words that go on after the name of its file. */
export class FileError extends Error {}

/** A kind of file that is not read here, though others may read it. */
export class UnknownKind extends FileError {}
