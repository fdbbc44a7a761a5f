internal import Documents
internal import Files
internal import JSON
internal import SystemPackage
internal import Tokenizers

/// Recorded encodings and decodings of Hugging Face's `tokenizers`, with the `tokenizer.json` that made them.
///
/// One folder per tokenizer: `tokenizers/<name>/tokenizer.json` and `cases.json`.
struct TokenizerParity: ParityKind {
    let name = "tokenizers"
    let file = "tokenizers"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let names = try FileSystem.list(folder.path.appending(file)).sorted()
            .filter { folder.has("\(file)/\($0)/cases.json") }
        guard !names.isEmpty else {
            throw ParityError(
                "\(folder.path.appending(file)) has no folder with a tokenizer.json and a cases.json.")
        }
        for name in names {
            do { try Self.run(name, folder, &tally) } catch { tally.record("\(name): \(error)") }
        }
    }

    private static func run(_ name: String, _ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let path = folder.path.appending("tokenizers").appending(name)
        let tokenizer = try ByteLevelTokenizer(folder: path)
        let root = try folder.cases(of: "tokenizers/\(name)/cases.json")
        if let size = try root["vocab_size"]?.integer(),
            size != tokenizer.vocabularySize
        {
            tally.record(
                "\(name): the vocabulary has \(tokenizer.vocabularySize) tokens; expected \(size).")
        }
        for (index, node) in try root.elements("cases").enumerated() {
            let text = try node.string("text")
            let failure = try encodingDivergence(node, text, tokenizer) ?? decodingDivergence(node, tokenizer)
            tally.record(failure.map { "\(name), case \(index) (\(quoted(text))): \($0)" })
        }
        for (index, node) in try (root["decode_only"]?.elements() ?? []).enumerated() {
            let failure = try decodingDivergence(node, tokenizer)
            tally.record(failure.map { "\(name), decode_only \(index): \($0)" })
        }
    }

    /// The first difference between a text's tokens and the recorded ones.
    private static func encodingDivergence(
        _ node: CaseNode, _ text: String, _ tokenizer: ByteLevelTokenizer
    ) throws -> String? {
        let tokens = try tokenizer.tokenize(text: text)
        let plain = try node.integers("ids_no_special")
        let lists = [
            ("ids", try tokenizer.encode(text: text), try node.integers("ids")),
            ("ids_no_special", try tokenizer.encode(text: text, addSpecialTokens: false), plain),
            ("ids with ranges", tokens.map(\.id), plain),
        ]
        for (what, found, expected) in lists {
            guard let place = firstDifference(found, expected) else { continue }
            func shown(_ ids: [Int]) -> String {
                guard ids.indices.contains(place) else { return "nothing" }
                return "\(ids[place]) (\(quoted(tokenizer.convertIdToToken(ids[place]) ?? "no token")))"
            }
            return "\(what), position \(place): \(shown(found)); expected \(shown(expected))."
        }
        let texts = try tokenizer.tokenTexts(text: text)
        let expected = try node.elements("tokens").map { try $0.string() }
        guard let place = firstDifference(texts.map { Array($0.utf8) }, expected.map { Array($0.utf8) })
        else { return nil }
        func shown(_ texts: [String]) -> String {
            texts.indices.contains(place) ? quoted(texts[place]) : "nothing"
        }
        return "tokens, position \(place): \(shown(texts)); expected \(shown(expected))."
    }

    /// The first difference between decoded ids and the recorded text.
    private static func decodingDivergence(
        _ node: CaseNode, _ tokenizer: ByteLevelTokenizer
    ) throws -> String? {
        let ids = try node.integers("ids")
        for (what, skips) in [("decoded", false), ("decoded_skip_special", true)] {
            let expected = try node.string(what)
            let found = tokenizer.decode(tokenIds: ids, skipSpecialTokens: skips)
            guard let place = firstDifference(Array(found.utf8), Array(expected.utf8)) else { continue }
            return "\(what), byte \(place): \(quoted(found)); expected \(quoted(expected))."
        }
        return nil
    }

    /// The first index at which two lists differ, in length included.
    private static func firstDifference<T: Equatable>(_ a: [T], _ b: [T]) -> Int? {
        zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset
            ?? (a.count == b.count ? nil : min(a.count, b.count))
    }

    /// The beginning of a text, everything visible that isn't plain ASCII.
    private static func quoted(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(80).map { $0.escaped(asASCII: true) }.joined()
        return "\"\(shown)\"" + (text.unicodeScalars.count > 80 ? "…" : "")
    }
}
