internal import Synchronization

/// A byte-level BPE tokenizer: those of GPT-2, Qwen2, Dream, Llama 3 and LLaDA.
///
/// Does what Hugging Face's `tokenizers` does with the same `tokenizer.json`, to the token: finds added tokens,
/// normalizes, cuts into words by regular expressions, merges bytes, adds the template's special tokens. May be used
/// from several threads at once.
///
/// Ranges of tokens are whole scalars: a token that holds some bytes of a scalar has the range of the scalar, and so
/// has the next one with the rest of them. Text that normalization composes has the range of its first scalar; a space
/// that the tokenizer puts before the text has that of the scalar behind it.
public final class ByteLevelTokenizer: Tokenizer {
    /// All that a `tokenizer.json` says, read and checked.
    struct Parts: Sendable {
        var model: BytePairModel
        /// Every added token.
        var added: [AddedToken]
        var normalizers: [UnicodeNormalizer]
        var preTokenizer: PreTokenizer
        /// What is put around a text, in order.
        var templates: [SpecialTokenTemplate]
        /// Whether ranges leave out white space, and a prefixed space doesn't count as such; in order.
        var rangeTrims: [RangeTrim]
        /// Whether tokens are decoded as bytes; otherwise they are joined by spaces as they are.
        var decodesBytes: Bool
        /// Whether decoded text loses spaces before punctuation.
        var cleansUpSpaces = false
        var roles: TokenRoles
    }

    let parts: Parts
    /// Added tokens that are found in the text as it is.
    let rawFinder: AddedTokenFinder
    /// Added tokens that are found in the normalized text.
    let normalizedFinder: AddedTokenFinder
    let addedIds: [Int: AddedToken]
    let addedContents: ByteStringTable
    let specialIds: Set<Int>
    let pool = WorkspacePool()

    /// The number of different tokens, added ones included.
    public let vocabularySize: Int

    init(_ parts: Parts) {
        self.parts = parts
        let raw = parts.added.filter { !$0.isNormalized }
        rawFinder = AddedTokenFinder(raw, patterns: raw.map { Array($0.content.utf8) })
        let normalized = parts.added.filter(\.isNormalized)
        normalizedFinder = AddedTokenFinder(
            normalized,
            patterns: normalized.map { token in
                Array(token.content.utf8).withUnsafeBufferPointer { bytes in
                    parts.normalizers.reduce(AlignedText(bytes)) { $1.normalize($0) }.bytes
                }
            })
        addedIds = Dictionary(parts.added.map { ($0.id, $0) }) { _, last in last }
        var contents = ByteStringTable(capacity: parts.added.count)
        for token in parts.added { _ = contents.insert(Array(token.content.utf8), Int32(token.id)) }
        addedContents = contents
        specialIds = Set(parts.added.filter(\.isSpecial).map(\.id))
        vocabularySize =
            parts.model.vocabulary.count
            + parts.added.count { parts.model.vocabulary.id(of: $0.content) == nil }
    }

    public var unknownTokenId: Int? { parts.model.unknownId.map(Int.init) ?? id(.unknown) }
    public var bosTokenId: Int? { id(.beginning) }
    public var eosTokenId: Int? { id(.end) }
    public var maskTokenId: Int? { id(.mask) }
    public var padTokenId: Int? { id(.padding) }

    public func convertTokenToId(_ token: String) -> Int? {
        (addedContents.value(of: Array(token.utf8)) ?? parts.model.vocabulary.id(of: token)).map(Int.init)
    }

    public func convertIdToToken(_ id: Int) -> String? {
        addedIds[id]?.content ?? parts.model.vocabulary.token(id)
    }

    private func id(_ role: TokenRoles.Role) -> Int? { parts.roles[role].flatMap(convertTokenToId) }
}

/// What one call of an encoder needs for itself: found words, buffers, and where oniguruma notes its matches.
///
/// `@unchecked Sendable` is safe: a workspace is taken out of its pool for the length of a call, so that no two calls
/// ever have the same.
final class EncodingWorkspace: @unchecked Sendable {
    var cache = WordCache()
    var merger = PairMerger()
    let region = MatchRegion()
}

/// Workspaces that wait for the next call; at most as many as calls ran at once.
final class WorkspacePool: Sendable {
    private let waiting = Mutex<[EncodingWorkspace]>([])

    /// Calls `body` with a workspace that nobody else has.
    func withWorkspace<T>(_ body: (EncodingWorkspace) -> T) -> T {
        let workspace = waiting.withLock { $0.popLast() } ?? EncodingWorkspace()
        defer { waiting.withLock { $0.append(workspace) } }
        return body(workspace)
    }
}

extension ByteLevelTokenizer {
    public func encode(text: String, addSpecialTokens: Bool) throws(TokenizerError) -> [Int] {
        var ids: [Int] = []
        // Enough for most text, and little to waste.
        ids.reserveCapacity(8 + text.utf8.count / 3)
        try run(text, tracksOrigins: false) { id, _, _ in ids.append(id) }
        return parts.templates.reduce(ids) { $1.apply(to: $0, addSpecialTokens: addSpecialTokens) }
    }

    public func tokenize(text: String) throws(TokenizerError) -> [Token] {
        var tokens = try found(in: text)
        var text = text
        for trim in parts.rangeTrims {
            text.withUTF8 { bytes in
                for index in tokens.indices {
                    tokens[index].range = trim.trimmed(
                        tokens[index], isFirst: index == 0, in: bytes, parts.model.vocabulary)
                }
            }
        }
        return tokens.map { Token(id: $0.id, range: $0.range) }
    }

    /// The tokens of `text` as a `tokenizer.json` writes them, except that an added token is the normalized text that
    /// it took, white space included.
    ///
    /// This is what Hugging Face's library calls the tokens of an encoding.
    ///
    /// - Throws: As ``Tokenizer/tokenize(text:)``.
    public func tokenTexts(text: String) throws(TokenizerError) -> [String] {
        try found(in: text).map { $0.added ?? parts.model.vocabulary.token($0.id) ?? "" }
    }

    /// A token where it was found.
    struct Found {
        let id: Int
        var range: Range<Int>
        /// What an added token took; nil for a token that the model made, which may have the id of an added one.
        let added: String?
    }

    private func found(in text: String) throws(TokenizerError) -> [Found] {
        var tokens: [Found] = []
        try run(text, tracksOrigins: true) { id, range, added in
            let taken = added.map { String(decoding: $0, as: UTF8.self) }
            tokens.append(Found(id: id, range: range, added: taken))
        }
        return tokens
    }

    private typealias Emit = (_ id: Int, _ range: Range<Int>, _ added: Slice<UnsafeBufferPointer<UInt8>>?) ->
        Void

    /// Encodes `text` without the template.
    ///
    /// - Parameters:
    ///   - tracksOrigins: whether the ranges that `emit` gets mean anything.
    ///   - emit: gets the tokens in order, with the bytes of `text` that they cover, and what an added token took.
    /// - Throws: ``TokenizerError`` when a pattern takes too long; what was emitted before means nothing then.
    private func run(_ text: String, tracksOrigins: Bool, _ emit: Emit) throws(TokenizerError) {
        var text = text
        let failure: SplitPattern.Exhaustion? = text.withUTF8 { bytes in
            guard !bytes.isEmpty else { return nil }
            return pool.withWorkspace { workspace in
                run(bytes, tracksOrigins, workspace, emit)
                return workspace.region.takeFailure()
            }
        }
        if let failure { throw failure.error }
    }

    private func run(
        _ bytes: UnsafeBufferPointer<UInt8>, _ tracksOrigins: Bool, _ workspace: EncodingWorkspace,
        _ emit: Emit
    ) {
        guard let found = rawFinder.parts(of: bytes) else {
            return segment(bytes, 0..<bytes.count, tracksOrigins, workspace, emit)
        }
        for part in found {
            if let token = part.token {
                emit(rawFinder.tokens[token].id, part.range, bytes[part.range])
            } else {
                segment(bytes, part.range, tracksOrigins, workspace, emit)
            }
        }
    }

    /// Encodes text in which no raw added token stands.
    private func segment(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ tracksOrigins: Bool,
        _ workspace: EncodingWorkspace, _ emit: Emit
    ) {
        let text = UnsafeBufferPointer(rebasing: bytes[range])
        guard let first = parts.normalizers.firstIndex(where: { !$0.isSurelyNormalized(text) }) else {
            let source = TextSource(text: bytes, origins: nil, shift: 0, tracksOrigins: tracksOrigins)
            return normalized(source, range, workspace, emit)
        }
        let changed = parts.normalizers[first...].reduce(AlignedText(text)) { $1.normalize($0) }
        changed.bytes.withUnsafeBufferPointer { text in
            changed.origins.withUnsafeBufferPointer { origins in
                let source = TextSource(
                    text: text, origins: origins, shift: range.lowerBound, tracksOrigins: tracksOrigins)
                normalized(source, 0..<text.count, workspace, emit)
            }
        }
    }

    /// Encodes normalized text.
    private func normalized(
        _ source: TextSource, _ range: Range<Int>, _ workspace: EncodingWorkspace,
        _ emit: Emit
    ) {
        guard !range.isEmpty else { return }
        let text = UnsafeBufferPointer(rebasing: source.text[range])
        guard let found = normalizedFinder.parts(of: text) else {
            return words(text, range.lowerBound, source, workspace, emit)
        }
        for part in found {
            let start = range.lowerBound + part.range.lowerBound
            if let token = part.token {
                let covered = start..<(start + part.range.count)
                emit(normalizedFinder.tokens[token].id, source.original(covered), text[part.range])
            } else {
                words(UnsafeBufferPointer(rebasing: text[part.range]), start, source, workspace, emit)
            }
        }
    }

    /// Encodes text without added tokens.
    private func words(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ source: TextSource,
        _ workspace: EncodingWorkspace, _ emit: Emit
    ) {
        parts.preTokenizer.words(in: text, at: start, of: source, workspace.region) { word, start, source in
            func use(_ pieces: some Sequence<TokenPiece>) {
                for piece in pieces {
                    guard source.tracksOrigins else {
                        emit(Int(piece.id), 0..<0, nil)
                        continue
                    }
                    let covered = (start + Int(piece.start))..<(start + Int(piece.end))
                    emit(Int(piece.id), source.original(covered), nil)
                }
            }
            if word.count > WordCache.longestWord {
                var pieces: [TokenPiece] = []
                parts.model.encode(word, &workspace.merger, into: &pieces)
                return use(pieces)
            }
            workspace.cache.withPieces(of: word) { pieces in
                parts.model.encode(word, &workspace.merger, into: &pieces)
            } use: {
                use($0)
            }
        }
    }

    public func decode(tokenIds: [Int], skipSpecialTokens: Bool) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tokenIds.count * 4)
        var isFirst = true
        for id in tokenIds {
            guard let token = decodedBytes(of: id, skipSpecialTokens: skipSpecialTokens) else { continue }
            if !isFirst { bytes += tokenSeparator.utf8 }
            bytes += token
            isFirst = false
        }
        // Bytes that aren't UTF-8 become U+FFFD: one for each longest part of a character that is cut short.
        let text = String(decoding: bytes, as: UTF8.self)
        return cleansUpSpaces ? SpaceCleanup.text(text) : text
    }

    public var cleansUpSpaces: Bool { parts.cleansUpSpaces }

    public var tokenSeparator: String { parts.decodesBytes ? "" : " " }

    public func decodedBytes(of id: Int, skipSpecialTokens: Bool) -> [UInt8]? {
        if skipSpecialTokens, specialIds.contains(id) { return nil }
        if let added = addedIds[id] {
            // An added token that happens to be written in the byte alphabet is decoded like any other.
            return parts.decodesBytes
                ? ByteAlphabet.bytes(of: added.content) ?? Array(added.content.utf8)
                : Array(added.content.utf8)
        }
        if parts.decodesBytes { return parts.model.vocabulary.bytes(of: id).map(Array.init) }
        return parts.model.vocabulary.token(id).map { Array($0.utf8) }
    }
}
