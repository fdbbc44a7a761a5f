import Files
import JSON
package import SystemPackage

extension Journal {
    /// Gives the records of a journal in an artifact one after another; one is in memory at a time.
    ///
    /// - Throws: `JournalError` when the file is no journal or isn't whole; `FileError`, and what the body throws.
    package static func forEach(_ path: FilePath, _ body: (JournalRecord) throws -> Void) throws {
        var lines = 0
        var following = 0
        try FileSystem.forEachLine(of: path) { line, number in
            lines = number
            guard let root = try? JSONDocument(parsing: line, name: "").root else {
                throw JournalError(description: JournalText.damage(path, number, "no JSON"))
            }
            let value = JSONValue(root)
            if number == 1 { return try JournalText.checkHeader(value, path, nil) }
            guard let key = JournalKey(value["key"]), let content = value["value"] else {
                throw JournalError(
                    description: JournalText.damage(path, number, "a record without key or value"))
            }
            following = value["more"]?.int ?? 0
            try body(JournalRecord(key, content))
        }
        guard lines > 0, following == 0 else {
            throw JournalError(description: "\(path) ends in the middle of a record.")
        }
    }
}
