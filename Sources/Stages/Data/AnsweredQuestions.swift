internal import Base
internal import Evaluation

/// Which answers a comparison counts, and what counts as right.
///
/// Where the data says what is right, answers to the questions that have a grader. Where it doesn't for any, an answer
/// is right if it is the reference's own, the teacher's at one token per forward: the agreement with it stands in for
/// accuracy.
struct AnsweredQuestions {
    /// The reference's answers by question; nil where answers are graded.
    private let texts: [ByteText: ByteText]?

    init(reference: [SampleRecord]) {
        texts =
            reference.contains(where: \.isGraded)
            ? nil
            : Dictionary(
                reference.map { ($0.id.byteText, $0.text.byteText.trimmed) },
                uniquingKeysWith: { first, _ in first })
    }

    /// A sentence for those who read the table; nil where answers are graded.
    var note: String? {
        texts.map { _ in
            "The data has no reference answers: accuracy here is agreement, the share of answers that are the reference run's word for word."
        }
    }

    /// The records that count, with what is right.
    ///
    /// - Throws: ``DataError`` where a setting's answers are graded and the reference's aren't, or the other way round.
    func of(_ records: [SampleRecord], _ setting: String) throws(DataError) -> [SampleRecord] {
        guard let texts else {
            let graded = records.filter(\.isGraded)
            guard graded.isEmpty, !records.isEmpty else { return graded }
            throw DataError(
                description:
                    "The answers of \(setting) aren't graded, and those of the reference are. Compare runs over the same data."
            )
        }
        return records.map { $0.judged(texts[$0.id.byteText] == $0.text.byteText.trimmed) }
    }
}

extension SampleRecord {
    /// The same measurement with another verdict.
    fileprivate func judged(_ isRight: Bool) -> SampleRecord {
        SampleRecord(
            id: id, correct: isRight, tokensBeforeEnd: tokensBeforeEnd, nfe: nfe, forwards: forwards,
            tokensForwarded: tokensForwarded, text: text, promptHash: promptHash)
    }
}
