internal import Files
internal import JSON
public import SystemPackage

extension ByteLevelTokenizer {
    /// Reads `tokenizer.json` and, if it is there, `tokenizer_config.json` from a folder.
    ///
    /// - Throws: `FileError`, `JSONSyntaxError`, or `TokenizerError` for what this tokenizer doesn't support.
    public convenience init(folder: FilePath) throws {
        func document(_ name: String) throws -> JSONDocument {
            let path = folder.appending(name)
            return try JSONDocument(parsing: FileSystem.read(path), name: path.string)
        }
        let configuration = folder.appending("tokenizer_config.json")
        try self.init(
            tokenizer: document("tokenizer.json"),
            configuration: FileSystem.exists(configuration) ? document("tokenizer_config.json") : nil)
    }
}
