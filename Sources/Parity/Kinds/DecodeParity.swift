internal import Decoding

/// Recorded decodings: final tokens, NFE, forwards and forwarded tokens must be the same.
struct DecodeParity: ParityKind {
    let family: String

    var name: String { "\(family)/decode" }
    var file: String { "decode_\(family).json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        var cases: [DecodeCase] = []
        for (id, node) in try folder.cases(of: file).identified("cases") {
            // A case that can't be read says nothing about the others.
            do { cases.append(try DecodeCase(id: id, node, family: family)) } catch {
                tally.record("\(id): \(error)")
            }
        }
        let runs = RecordedRun.all(cases.map { ($0.model, $0.factory($0.task)) }, folder)
        var ties = NearTies(folder)
        for (recorded, run) in zip(cases, runs) {
            ties.record(
                recorded.id, as: "\(recorded.id) (\(recorded.method))", recorded.model,
                recorded.factory(recorded.task), run, in: &tally,
                divergence: { Self.divergence($0, recorded) })
        }
    }

    /// The first difference between a run and the recorded case; nil if there is none.
    static func divergence(_ run: RecordedRun, _ recorded: DecodeCase) -> String? {
        if let position = firstDifference(run.decoder.tokens, recorded.tokens) {
            let expected =
                recorded.tokens.indices.contains(position) ? "\(recorded.tokens[position])" : "nothing"
            return "\(run.decision(at: position)); expected \(expected)."
        }
        let counts = [
            ("NFE", run.decoder.evaluations, recorded.evaluations),
            ("forwards", run.decoder.forwards, recorded.forwards),
            ("forwarded tokens", run.decoder.tokensForwarded, recorded.tokensForwarded),
        ]
        guard let (what, value, expected) = counts.first(where: { $0.1 != $0.2 }) else { return nil }
        return "the tokens agree, but \(what): \(value); expected \(expected)."
    }

    /// The first index at which two lists differ, in length included.
    static func firstDifference(_ a: [Int32], _ b: [Int32]) -> Int? {
        if let index = zip(a, b).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
            return index
        }
        return a.count == b.count ? nil : min(a.count, b.count)
    }
}
