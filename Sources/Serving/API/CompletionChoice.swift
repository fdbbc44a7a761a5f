internal import Base
internal import Decoding
internal import Sessions
internal import Tokenizers

/// The answer to one prompt of a request, in the making: the text that is certain, and what is said of its tokens.
struct CompletionChoice {
    let index: Int
    private let model: LiveModel
    private let prompt: LivePrompt
    private let likelihoods: LikelihoodRequest?
    private var settled: SettledText
    /// The prompt's text while it is still to be given away.
    private var echo: String?
    /// Log-probabilities of tokens of the response whose text isn't given away yet.
    private var waiting: [TokenLikelihood] = []
    private var texts: TokenTexts
    /// Whether a token of the response has been decided, so that the whole prompt has been read.
    private var hasBegun = false

    init(_ request: CompletionRequest, _ index: Int, _ model: LiveModel) {
        self.index = index
        self.model = model
        prompt = request.prompts[index]
        likelihoods = request.likelihoods
        settled = SettledText(model.tokenizer, limit: request.limit, stops: request.stops)
        // Words have something between them, also between the prompt and what follows.
        echo = request.echoes ? prompt.text + model.tokenizer.tokenSeparator : nil
        texts = TokenTexts(model.tokenizer, prompt: request.echoes ? prompt.text : "")
    }

    /// Tokens whose text was given away.
    var count: Int { settled.count }
    /// Whether the answer ended by itself.
    var hasStopped: Bool { settled.ending == .stop }

    /// Whether nothing that is asked for is missing.
    var isComplete: Bool { settled.ending != nil && (hasBegun || likelihoods?.ofPrompt != true) }

    /// The text that is certain since the last event, with the tokens that belong to it.
    mutating func take(_ event: DecodingEvent) -> (text: String, tokens: [ScoredToken]) {
        let text = settled.take(event)
        var tokens: [ScoredToken] = []
        if case .start = event, likelihoods?.ofPrompt == true {
            tokens = prompt.tokens.prefix(1).map { texts.promptToken($0, nil) }
        }
        if case .step(let step) = event {
            hasBegun = hasBegun || !step.tokens.isEmpty
            for likelihood in step.likelihoods {
                if likelihood.position >= prompt.tokens.count {
                    waiting.append(likelihood)
                } else {
                    tokens.append(texts.promptToken(likelihood.token, likelihood))
                }
            }
        }
        var begun = ""
        if let echo, hasBegun || likelihoods?.ofPrompt != true {
            texts.beginResponse(after: echo)
            (begun, self.echo) = (echo, nil)
        }
        // An end token has no text, but it was predicted as the others were.
        let given = waiting.prefix { likelihood in
            let position = likelihood.position - prompt.tokens.count
            return position < settled.count
                || position == settled.count && hasStopped && model.isEnd(likelihood.token)
        }
        tokens += given.map { texts.responseToken($0) }
        waiting.removeFirst(given.count)
        return (begun + text, tokens)
    }
}

/// A token of an answer with its log-probability.
struct ScoredToken {
    /// What a token is called.
    struct Name {
        let text: String
        let bytes: [UInt8]
    }

    let name: Name
    /// Nil for the first token of a prompt, which nothing predicts.
    let logProbability: Double?
    let alternatives: [(name: Name, logProbability: Double)]
    /// Code points of the answer's text before the token.
    let offset: Int
}

/// Names tokens and finds where they stand in the text of an answer.
private struct TokenTexts {
    private let tokenizer: any Tokenizer
    private var detokenizer: StreamingDetokenizer
    /// The prompt's text, and how much of it is behind.
    private let prompt: [UInt8]
    private var passed = 0
    /// Code points that are behind.
    private var offset = 0
    private var isFirst = true

    init(_ tokenizer: any Tokenizer, prompt: String) {
        self.tokenizer = tokenizer
        self.prompt = Array(prompt.utf8)
        detokenizer = StreamingDetokenizer(tokenizer, skipSpecialTokens: true)
    }

    /// A token of the prompt; one that frames the text without being in it takes up no room.
    mutating func promptToken(_ token: Int32, _ likelihood: TokenLikelihood?) -> ScoredToken {
        let bytes = self.bytes(token)
        let separator = isFirst ? 0 : tokenizer.tokenSeparator.utf8.count
        let isPart = prompt.dropFirst(passed + separator).starts(with: bytes)
        let isSpecial = tokenizer.decodedBytes(of: Int(token), skipSpecialTokens: true) == nil
        guard isPart || !isSpecial else { return scored(token, likelihood, at: offset) }
        pass(separator)
        // A token that goes on with a character stands where that begins.
        let isInside = passed < prompt.count && Self.continues(prompt[passed])
        let found = scored(token, likelihood, at: isInside ? offset - 1 : offset)
        pass(bytes.count)
        isFirst = false
        return found
    }

    private mutating func pass(_ count: Int) {
        let end = min(prompt.count, passed + count)
        offset += prompt[passed..<end].count { !Self.continues($0) }
        passed = end
    }

    private static func continues(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    /// Goes on behind a prompt of which this is the text.
    mutating func beginResponse(after text: String) {
        offset = text.unicodeScalars.count
        isFirst = true
    }

    /// The next token of the response.
    mutating func responseToken(_ likelihood: TokenLikelihood) -> ScoredToken {
        let isShown = tokenizer.decodedBytes(of: Int(likelihood.token), skipSpecialTokens: true) != nil
        let separator = isShown && !isFirst ? tokenizer.tokenSeparator.unicodeScalars.count : 0
        let found = scored(likelihood.token, likelihood, at: offset + separator)
        isFirst = isFirst && !isShown
        offset += detokenizer.append(Int(likelihood.token)).unicodeScalars.count
        return found
    }

    private func scored(_ token: Int32, _ likelihood: TokenLikelihood?, at offset: Int) -> ScoredToken {
        ScoredToken(
            name: name(token), logProbability: likelihood?.logProbability,
            alternatives: likelihood?.alternatives.map { (name($0.token), $0.logProbability) } ?? [],
            offset: offset)
    }

    private func bytes(_ token: Int32) -> [UInt8] {
        tokenizer.decodedBytes(of: Int(token), skipSpecialTokens: false) ?? []
    }

    /// A part of a character is called by its bytes, as OpenAI's interface does it.
    private func name(_ token: Int32) -> ScoredToken.Name {
        let bytes = bytes(token)
        let shown = bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        let text = String(validating: bytes, as: UTF8.self) ?? "bytes:\(shown.joined())"
        return ScoredToken.Name(text: text, bytes: bytes)
    }
}
