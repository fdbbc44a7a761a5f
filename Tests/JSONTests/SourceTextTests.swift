import JSON
import Testing

@Suite struct SourceTextTests {
    /// Every offset of texts with short, long and empty lines, against lines that are counted one by one.
    @Test func positionsAndLinesAreThoseOfTheText() {
        var state: UInt64 = 7
        func next(_ count: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % count
        }
        for _ in 0..<200 {
            let bytes = (0..<next(120)).map { _ in next(3) == 0 ? UInt8(ascii: "\n") : UInt8(ascii: "a") }
            let text = SourceText(name: "text", bytes: bytes)
            let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            for (index, line) in lines.enumerated() {
                #expect(text.line(index + 1) == String(decoding: line, as: UTF8.self))
            }
            #expect(text.line(lines.count + 1).isEmpty && text.line(0).isEmpty)
            var (line, column) = (1, 1)
            var rising = text.lines
            for offset in 0...bytes.count {
                #expect(text.position(of: offset) == (line, column))
                if next(2) == 0 { #expect(rising.line(of: offset) == line) }
                if offset < bytes.count, bytes[offset] == UInt8(ascii: "\n") {
                    (line, column) = (line + 1, 1)
                } else {
                    column += 1
                }
            }
        }
    }

    @Test func valuesAreCounted() throws {
        let text = #"{"a": [1, [], {"b": null}], "c": "d"}"#
        #expect(try JSONDocument(parsing: Array(text.utf8), name: "text").root.valueCount == 7)
    }

    @Test func aDocumentHasSoManyValuesAndNoMore() throws {
        let most = JSONDocument.maximumValues
        func document(_ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: UInt8(ascii: "["), count: 1)
            bytes.reserveCapacity(2 * count + 1)
            for _ in 0..<count { bytes += [UInt8(ascii: "1"), UInt8(ascii: ",")] }
            bytes[bytes.count - 1] = UInt8(ascii: "]")
            return bytes
        }
        // The list is one too.
        #expect(try JSONDocument(parsing: document(most - 1), name: "list").root.array?.count == most - 1)
        let error = #expect(throws: JSONSyntaxError.self) {
            try JSONDocument(parsing: document(most), name: "list")
        }
        #expect(error?.message.contains("\(most) values") == true)
    }
}
