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
}
