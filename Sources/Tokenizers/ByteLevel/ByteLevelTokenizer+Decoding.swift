extension ByteLevelTokenizer {
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
