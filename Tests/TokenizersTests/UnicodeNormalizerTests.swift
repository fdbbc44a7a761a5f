import Testing

@testable import Tokenizers

/// Normalization; what is expected is Unicode's own, for characters of Unicode 9.
struct UnicodeNormalizerTests {
    private func normalize(_ text: String, _ form: UnicodeForm) -> AlignedText {
        Array(text.utf8).withUnsafeBufferPointer { bytes in
            UnicodeNormalizer(form: form).normalize(AlignedText(bytes))
        }
    }

    @Test(arguments: [
        ("e\u{301}", "é"), ("\u{212B}", "Å"), ("e\u{302}\u{323}", "ệ"), ("\u{1100}\u{1161}\u{11A8}", "각"),
        ("가\u{11A8}", "각"), ("\u{958}", "\u{915}\u{93C}"), ("\u{915}\u{93C}", "\u{915}\u{93C}"),
        ("\u{F900}", "\u{8C48}"), ("\u{2F800}", "\u{4E3D}"), ("\u{30AB}\u{3099}", "\u{30AC}"),
        ("\u{9C7}\u{9BE}", "\u{9CB}"), ("\u{344}", "\u{308}\u{301}"), ("a\u{345}\u{301}", "á\u{345}"),
        ("\u{301}e", "\u{301}e"), ("ﬁ", "ﬁ"), ("", ""), ("plain", "plain"),
        // Younger than Unicode 9: of class 0 to models that were trained with Hugging Face's library.
        ("a\u{6DF}\u{7FD}", "a\u{6DF}\u{7FD}"), ("\u{11935}\u{11930}", "\u{11935}\u{11930}"),
    ]) func compositionIsThatOfUnicode(text: String, expected: String) {
        #expect(normalize(text, .nfc).bytes == Array(expected.utf8))
    }

    @Test func otherFormsTakeApart() {
        #expect(normalize("éﬁ①", .nfd).bytes == Array("e\u{301}ﬁ①".utf8))
        #expect(normalize("é ﬁ①", .nfkc).bytes == Array("é fi1".utf8))
        #expect(normalize("é ﬁ①각", .nfkd).bytes == Array("e\u{301} fi1\u{1100}\u{1161}\u{11A8}".utf8))
    }

    @Test func originsAreWholeScalars() {
        func origins(_ text: String, _ form: UnicodeForm) -> [[Int]] {
            let result = normalize(text, form)
            #expect(result.bytes.count == result.origins.count)
            return result.origins.map { [Int($0.start), Int($0.end)] }
        }
        // Composed text stands for the first scalar alone, as in Hugging Face's library.
        #expect(origins("xe\u{301}y", .nfc) == [[0, 1], [1, 2], [1, 2], [4, 5]])
        #expect(origins("ﬁx", .nfkc) == [[0, 3], [0, 3], [3, 4]])
    }

    @Test func whatIsSurelyNormalizedStaysAsItIs() {
        var random = SystemRandomNumberGenerator()
        let blocks: [ClosedRange<UInt32>] = [
            0x20...0x24F, 0x300...0x36F, 0x900...0xDFF, 0x1100...0x11FF, 0x3040...0x30FF, 0x4E00...0x4FFF,
            0xAC00...0xAD00, 0xF900...0xFA00, 0x1F300...0x1F600, 0x2F800...0x2F900, 0x11000...0x11A00,
        ]
        var sure = 0
        for _ in 0..<4000 {
            var text = ""
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let block = blocks.randomElement(using: &random) ?? 0x20...0x7E
                text.unicodeScalars.append(Unicode.Scalar(UInt32.random(in: block, using: &random)) ?? "x")
            }
            for form in UnicodeForm.allCases {
                let isSure = Array(text.utf8).withUnsafeBufferPointer {
                    UnicodeNormalizer(form: form).isSurelyNormalized($0)
                }
                guard isSure else { continue }
                sure += 1
                let shown = text.unicodeScalars.map { String($0.value, radix: 16) }
                #expect(normalize(text, form).bytes == Array(text.utf8), "\(form) \(shown)")
            }
        }
        // Else the test would say nothing.
        #expect(sure > 100)
        for text in ["plain", "naïve", "你好，世界", "каша", "가각", "👍🏽"] {
            let isSure = Array(text.utf8).withUnsafeBufferPointer {
                UnicodeNormalizer(form: .nfc).isSurelyNormalized($0)
            }
            #expect(isSure, "\(text)")
        }
    }
}
