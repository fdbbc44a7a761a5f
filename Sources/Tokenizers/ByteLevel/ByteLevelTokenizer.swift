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
