internal import Evaluation
internal import Files
internal import SystemPackage

/// A problem as a report shows it.
struct ReportQuestion {
    let text: String
    let answer: String

    /// The problems of a data set or a benchmark by id; empty where they can't be read.
    static func all(in folder: FilePath) -> [String: ReportQuestion] {
        let items = (try? DataSet(folder, name: "\(folder)").items(.test)) ?? []
        let named = items.map { ($0.id, ReportQuestion(text: $0.question, answer: $0.answer)) }
        return Dictionary(named, uniquingKeysWith: { first, _ in first })
    }
}
