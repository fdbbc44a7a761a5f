internal import Evaluation
internal import Files
internal import SystemPackage

/// A problem as a report shows it.
struct ReportQuestion {
    let text: String
    let answer: String

    /// The problems of a data set or a benchmark by id; empty where they can't be read.
    static func all(in folder: FilePath) -> [String: ReportQuestion] {
        let named =
            if let problems = try? ProblemFile.read(folder.appending("test.jsonl")) {
                problems.map { ($0.id, ReportQuestion(text: $0.question, answer: "\($0.answer)")) }
            } else {
                (try? QuestionFile(folder: folder))?.items.map {
                    ($0.id, ReportQuestion(text: $0.prompt.text, answer: $0.target))
                } ?? []
            }
        return Dictionary(named, uniquingKeysWith: { first, _ in first })
    }
}
