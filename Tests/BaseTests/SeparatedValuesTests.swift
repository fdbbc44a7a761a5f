import Base
import Testing

@Suite struct SeparatedValuesTests {
    private static func rows(_ text: String) throws -> [[String]] {
        var table = try SeparatedValues(Array(text.utf8))
        var rows = [table.headings]
        while let row = try table.next() { rows.append(row.values) }
        return rows
    }

    private static func line(of text: String) throws -> Int? {
        do {
            _ = try rows(text)
            return nil
        } catch let problem as SeparatedValues.Problem {
            #expect(!problem.reason.isEmpty)
            return problem.line
        }
    }

    @Test func quotesBreaksAndSeparatorsStandInValues() throws {
        let text = "\u{FEFF}a,b\r\n\r\n1,\"x,\"\"y\"\"\n z\"\r\n,\n3,4"
        #expect(try Self.rows(text) == [["a", "b"], ["1", "x,\"y\"\n z"], ["", ""], ["3", "4"]])
    }

    @Test func recordsKeepBlankLinesAndTheirLengths() throws {
        let records = try SeparatedValues.records("a,b\n\n\"c\n\"\nd,e,f\n")
        #expect(records.map(\.values) == [["a", "b"], [""], ["c\n"], ["d", "e", "f"]])
        #expect(records.map(\.line) == [1, 2, 3, 5])
    }

    @Test func headingsAreShort() throws {
        let long = String(repeating: "é", count: 501)
        #expect(try Self.line(of: "a,\(long)\n1,2\n") == 1)
        #expect(try Self.rows("a,\(long.dropLast())\n1,2\n").count == 2)
    }

    @Test func problemsNameTheLine() throws {
        #expect(try Self.line(of: "a,b\n1,2\n1\n") == 3)
        #expect(try Self.line(of: "a,a\n") == 1)
        #expect(try Self.line(of: "a\n1\n\"2\n3\n") == 3)
        #expect(try Self.line(of: "") == 1)
    }

    /// A byte each in the file, sixteen in memory.
    @Test func aRowHasSoManyValuesAndNoMore() throws {
        let most = SeparatedValues.mostValues
        let widest = String(repeating: ",", count: most - 1)
        #expect(try SeparatedValues.records(widest + "\n")[0].values.count == most)
        #expect(throws: SeparatedValues.Problem.self) { try SeparatedValues.records(widest + ",\n") }
        #expect(throws: SeparatedValues.Problem.self) { try Self.rows("a\n1\n" + widest + ",\n") }
    }
}
