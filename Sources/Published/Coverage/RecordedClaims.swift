internal import Base
internal import Documents
internal import Evaluation
internal import Files
internal import Recipes
internal import SystemPackage

/// The verdicts of a `claims.csv`, which the runner writes, in the words of today.
struct RecordedClaims {
    private let file: FilePath
    private let verdicts: [String: String]

    /// - Throws: `FileError`; `PublishedDataError` for a file without columns `Claim` and `Verdict`.
    init(_ file: FilePath) throws {
        self.file = file
        var records = CSVRecords.read(try FileSystem.readText(file))
        let heading = records.isEmpty ? [] : records.removeFirst()
        guard let claim = heading.firstIndex(of: "Claim"), let verdict = heading.firstIndex(of: "Verdict")
        else {
            throw PublishedDataError(
                file: file.string, "\(file) has no columns \"Claim\" and \"Verdict\" in its first line.")
        }
        verdicts = Dictionary(
            records.compactMap { $0.count == heading.count ? ($0[claim], $0[verdict]) : nil },
            uniquingKeysWith: { first, _ in first })
    }

    func verdict(of statement: String, for reader: NodeReader) throws -> String {
        guard let verdict = verdicts[statement] else {
            let nearest = NearestName.nearest(to: statement, among: verdicts.keys.sorted())
            throw reader.error(
                "\(file) has no claim \"\(statement)\"."
                    + (nearest.map { " Did you mean \"\($0)\"?" } ?? ""))
        }
        return Claim.Verdict(recorded: verdict)?.rawValue ?? verdict
    }
}

/// Comma-separated values (RFC 4180).
enum CSVRecords {
    static func read(_ text: String) -> [[String]] {
        var records: [[String]] = []
        var record: [String] = []
        var field = ""
        var isQuoted = false
        var scalars = text.byteText.replacing("\r\n", with: "\n").text.unicodeScalars.makeIterator()
        var next = scalars.next()
        while let scalar = next {
            next = scalars.next()
            switch scalar {
            case "\"" where isQuoted && next == "\"":
                field.append("\"")
                next = scalars.next()
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                record.append(field)
                field = ""
            case "\n" where !isQuoted, "\r" where !isQuoted:
                records.append(record + [field])
                (record, field) = ([], "")
            default: field.unicodeScalars.append(scalar)
            }
        }
        if !field.isEmpty || !record.isEmpty { records.append(record + [field]) }
        return records
    }
}
