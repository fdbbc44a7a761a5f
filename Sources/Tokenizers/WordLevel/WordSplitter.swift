/// Cuts text into words, single digits and added tokens, as Hugging Face's `WhitespaceSplit` and `Digits` do.
enum WordSplitter {
    /// A part of the text that becomes one token.
    struct Piece: Equatable {
        let range: Range<Int>
        /// The id, if the piece is an added token.
        let addedId: Int?
    }

    /// The pieces of `text` in order; white space belongs to none.
    ///
    /// - Parameters:
    ///   - bytes: the UTF-8 of `text`.
    ///   - added: the tokens that are found in the raw text, the longest first.
    static func split(_ text: String, bytes: [UInt8], added: [WordLevelTokenizer.AddedToken]) -> [Piece] {
        let firstBytes = Set(added.compactMap(\.bytes.first))
        var pieces: [Piece] = []
        var wordStart: Int?
        var offset = 0
        var resumeAt = 0

        func endWord() {
            if let start = wordStart { pieces.append(Piece(range: start..<offset, addedId: nil)) }
            wordStart = nil
        }

        for scalar in text.unicodeScalars {
            defer { offset += UTF8.width(scalar) }
            guard offset >= resumeAt else { continue }
            if firstBytes.contains(bytes[offset]),
                let token = added.first(where: { bytes.holds($0.bytes, at: offset) })
            {
                endWord()
                resumeAt = offset + token.bytes.count
                pieces.append(Piece(range: offset..<resumeAt, addedId: token.id))
            } else if scalar.isSpace {
                endWord()
            } else if scalar.isNumeric {
                endWord()
                pieces.append(Piece(range: offset..<(offset + UTF8.width(scalar)), addedId: nil))
            } else if wordStart == nil {
                wordStart = offset
            }
        }
        endWord()
        return pieces
    }
}

extension [UInt8] {
    fileprivate func holds(_ part: [UInt8], at offset: Int) -> Bool {
        offset + part.count <= count && self[offset..<(offset + part.count)].elementsEqual(part)
    }
}

extension Unicode.Scalar {
    /// Whether Rust's `char::is_whitespace` holds: the Unicode property White_Space.
    fileprivate var isSpace: Bool {
        value < 0x80 ? value == 0x20 || (0x09...0x0D).contains(value) : properties.isWhitespace
    }

    /// Whether Rust's `char::is_numeric` holds: the general categories Nd, Nl and No.
    fileprivate var isNumeric: Bool {
        if value < 0x80 { return (0x30...0x39).contains(value) }
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }
}
