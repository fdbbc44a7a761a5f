import Testing

@testable import Tokenizers

/// Merging, the tables behind it, and the memory of words.
struct BytePairTests {
    /// The rule itself, without any cleverness: the lowest rank first, the leftmost of several.
    private func merged(_ word: [Int32], _ merges: [(Int32, Int32)]) -> [Int32] {
        var word = word
        while true {
            var best: (rank: Int, place: Int)?
            for place in word.indices.dropLast() {
                guard let rank = merges.firstIndex(where: { $0 == (word[place], word[place + 1]) })
                else { continue }
                if best == nil || rank < best?.rank ?? 0 { best = (rank, place) }
            }
            guard let best else { return word }
            word.replaceSubrange(best.place...(best.place + 1), with: [Int32(100 + best.rank)])
        }
    }

    @Test func mergesFollowTheRuleWithAndWithoutHeap() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let alphabet = Int32.random(in: 2...5, using: &random)
            var merges: [(Int32, Int32)] = []
            var known = Array(0..<alphabet)
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                let pair = (known.randomElement() ?? 0, known.randomElement() ?? 0)
                if merges.contains(where: { $0 == pair }) { continue }
                known.append(Int32(100 + merges.count))
                merges.append(pair)
            }
            var table = MergeTable(capacity: merges.count)
            for (rank, pair) in merges.enumerated() {
                table.insert(pair.0, pair.1, .init(rank: UInt32(rank), id: Int32(100 + rank)))
            }
            let word = (0..<Int.random(in: 1...40, using: &random))
                .map { _ in Int32.random(in: 0..<alphabet, using: &random) }
            let expected = merged(word, merges)
            for heapLength in [0, .max] {
                var merger = PairMerger()
                merger.heapLength = heapLength
                for (place, id) in word.enumerated() {
                    merger.append(TokenPiece(id: id, start: UInt32(place), end: UInt32(place + 1)))
                }
                var pieces: [TokenPiece] = []
                merger.merge(by: table, into: &pieces)
                #expect(pieces.map(\.id) == expected, "\(word), \(merges), \(heapLength)")
                // The pieces cover the word without gaps.
                #expect(pieces.first?.start == 0 && pieces.last?.end == UInt32(word.count))
                #expect(zip(pieces, pieces.dropFirst()).allSatisfy { $0.end == $1.start })
            }
        }
    }

    @Test func aLaterMergeOfTheSamePairHolds() {
        var table = MergeTable(capacity: 2)
        table.insert(1, 2, .init(rank: 0, id: 7))
        table.insert(1, 2, .init(rank: 1, id: 8))
        #expect(table.merge(1, 2)?.id == 8)
        #expect(table.merge(2, 1) == nil)
    }

    @Test func theCacheForgetsButNeverMixesWordsUp() {
        var cache = WordCache()
        var encoded = 0
        // More words than fit, each with as many tokens as it has bytes.
        for turn in 0..<2 {
            for number in 0..<50_000 {
                let word = Array("w\(number)".utf8)
                word.withUnsafeBufferPointer { bytes in
                    cache.withPieces(of: bytes) { pieces in
                        encoded += 1
                        for byte in bytes { pieces.append(TokenPiece(id: Int32(byte), start: 0, end: 1)) }
                    } use: { pieces in
                        #expect(pieces.map(\.id) == word.map { Int32($0) }, "turn \(turn)")
                    }
                }
            }
        }
        #expect(encoded > 50_000)
        encoded = 0
        for _ in 0..<3 {
            Array("again".utf8).withUnsafeBufferPointer { bytes in
                cache.withPieces(of: bytes) { _ in
                    encoded += 1
                } use: {
                    #expect($0.isEmpty)
                }
            }
        }
        #expect(encoded == 1)
    }

    @Test func theByteAlphabetIsThatOfGPT2() {
        #expect(ByteAlphabet.token(of: " \n\0é!~\u{7F}".utf8) == "ĠĊĀÃ©!~ġ")
        #expect(
            ByteAlphabet.bytes(of: "ĠĊĀÃ©!~ġ").map { String(decoding: $0, as: UTF8.self) } == " \n\0é!~\u{7F}"
        )
        #expect(Set(ByteAlphabet.scalars).count == 256)
        #expect(ByteAlphabet.bytes(of: "a b") == nil)
        #expect(ByteAlphabet.bytes(of: "你") == nil)
        for byte in UInt8.min...UInt8.max {
            #expect(ByteAlphabet.bytes(of: ByteAlphabet.token(of: [byte])) == [byte])
        }
    }

    /// Keys that had one hash under a product modulo 2⁶⁴, whatever the factor: their highest bits differ in pairs of words.
    @Test func nobodyCanChooseKeysThatCollide() {
        let hashes = (0..<4096).map { number in
            var words = (0..<24).map { UInt64($0) }
            for bit in 0..<12 where number >> bit & 1 == 1 {
                words[2 * bit] ^= 1 << 63
                words[2 * bit + 1] ^= 1 << 63 | 1 << 34
            }
            let key = words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
            return key.withUnsafeBufferPointer(\.quickHash)
        }
        #expect(Set(hashes.map { $0 & 0xFFFF_FFFF }).count > 4000)
    }

    @Test func byteTablesHoldWhatWasPutIn() {
        let keys =
            (0..<2000).map { Array("\($0 * $0)".utf8) } + [
                [], [0], [0, 0], Array(repeating: 255, count: 300),
            ]
        var table = ByteStringTable(capacity: keys.count)
        for (value, key) in keys.enumerated() { #expect(table.insert(key, Int32(value)) == nil) }
        #expect(table.insert(keys[7], 99) == 7)
        #expect(table.count == keys.count)
        for (value, key) in keys.enumerated() { #expect(table.value(of: key) == Int32(value)) }
        #expect(table.value(of: Array("no".utf8)) == nil)
    }
}
