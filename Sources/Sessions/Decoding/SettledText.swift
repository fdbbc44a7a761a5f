internal import Base
package import Tokenizers

/// The beginning of a response that won't change any more, as text in parts.
///
/// A diffusion model decides tokens out of order; text can be given away only up to the first mask. It ends before the
/// first end token, before a stop string, or with the last token that was asked for.
package struct SettledText: Sendable {
    /// Why the text ended.
    package enum Ending: Sendable, Hashable {
        /// An end token or a stop string.
        case stop
        /// As many tokens as were asked for.
        case length
    }

    /// Tokens whose text was given away, an end token not among them.
    public private(set) var count = 0
    /// Why the text ended; nil while it goes on.
    public private(set) var ending: Ending?

    private let limit: Int
    private let stops: [String]
    private var detokenizer: StreamingDetokenizer
    private var waiting: [Int: DecodingEvent.Token] = [:]
    /// Text that may be the beginning of a stop string.
    private var held = ""

    /// - Parameters:
    ///   - limit: most tokens of the text, maybe none; nil for all.
    ///   - stops: strings before which the text ends.
    package init(_ tokenizer: any Tokenizer, limit: Int? = nil, stops: [String] = []) {
        self.limit = limit ?? .max
        self.stops = stops.filter { !$0.isEmpty }
        detokenizer = StreamingDetokenizer(tokenizer, skipSpecialTokens: true)
        if limit == 0 { ending = .length }
    }

    /// The text that is certain since the last event.
    package mutating func take(_ event: DecodingEvent) -> String {
        let (tokens, isLast): ([DecodingEvent.Token], Bool) =
            switch event {
            case .start: ([], false)
            case .step(let step): (step.tokens, false)
            case .end(let end): (end.tokens, true)
            }
        for token in tokens where token.position >= count { waiting[token.position] = token }
        var text = ""
        while ending == nil, let token = waiting.removeValue(forKey: count) {
            if token.isEnd {
                ending = .stop
            } else {
                text += detokenizer.append(Int(token.token))
                count += 1
                if count >= limit { ending = .length }
            }
        }
        if ending != nil || isLast { text += detokenizer.finish() }
        return release(text, all: ending != nil || isLast)
    }

    /// The part of the text that can't belong to a stop string.
    private mutating func release(_ text: String, all: Bool) -> String {
        held += text
        // By bytes, as the text was sent: a stop string may stand before a combining mark.
        let whole = held.byteText
        let cuts = stops.compactMap { whole.cut(at: $0.byteText)?.before }
        if let first = cuts.min(by: { $0.count < $1.count }) {
            held = ""
            ending = .stop
            return first.text
        }
        var kept = held.endIndex
        if !all {
            kept =
                held.unicodeScalars.indices.first { start in
                    let tail = held[start...].byteText
                    return stops.contains { $0.utf8.count > tail.count && $0.byteText.hasPrefix(tail) }
                } ?? held.endIndex
        }
        defer { held = String(held[kept...]) }
        return String(held[..<kept])
    }
}
