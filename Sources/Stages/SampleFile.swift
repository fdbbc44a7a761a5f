internal import Evaluation
internal import Files
internal import JSON
internal import SystemPackage

extension SampleRecord {
    /// As a journal holds it.
    var value: JSONValue {
        [
            "id": .string(id), "promptHash": .string(promptHash),
            "correct": isGraded ? .bool(correct) : .null,
            "tokens": .integer(tokensBeforeEnd), "nfe": .integer(nfe), "forwards": .integer(forwards),
            "tokensForwarded": .integer(tokensForwarded), "text": .string(text),
        ]
    }

    init?(_ value: JSONValue) {
        guard let id = value["id"]?.string, let hash = value["promptHash"]?.string,
            let verdict = value["correct"], verdict == .null || verdict.bool != nil,
            let tokens = value["tokens"]?.int,
            let nfe = value["nfe"]?.int,
            let forwards = value["forwards"]?.int, let forwarded = value["tokensForwarded"]?.int,
            let text = value["text"]?.string,
            // What a journal says is added up; no sample of any model comes near this.
            [tokens, nfe, forwards, forwarded].allSatisfy({ (0...(1 << 40)).contains($0) })
        else { return nil }
        self.init(
            id: id, correct: verdict.bool ?? false, tokensBeforeEnd: tokens, nfe: nfe, forwards: forwards,
            tokensForwarded: forwarded, text: text, promptHash: hash, isGraded: verdict != .null)
    }
}
