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
        let text = try FileSystem.readText(file)
        var records: [[String]]
        do throws(SeparatedValues.Problem) {
            records = try SeparatedValues.records(text).map(\.values)
        } catch {
            throw PublishedDataError(file: file.string, "\(file), line \(error.line): \(error.reason)")
        }
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
