import SystemPackage
import TestSupport
import Testing

@testable import Notebooks

@Suite struct ValueTests {
    let folder: NotebookFolder

    init() throws { folder = try NotebookFolder() }

    @Test(
        arguments: [
            ("results/table.csv[first][AUP] as 0", "594"),
            ("results/table.csv[first][AUP] as +0.00", "+593.76"),
            ("results/table.csv[first][Each][2] as 0.0", "\u{2212}2.5"),
            ("results/table.csv[first][Each][3]", "3"),
            ("results/table.csv[\"second, [cached]\"][AUP] as +0", "0"),
            ("results/table.csv[\"second, [cached]\"][Note]", "says \"so\""),
            ("results/metrics.json[methods][first][aup] as 0.00", "1.25"),
            ("results/metrics.json[methods][1][each][3] as 0.0", "4.5"),
            ("max(results/metrics.json[methods][first][each][*]) as 0.0", "4.5"),
            ("min(results/table.csv[first][Each][*]) as 0.0", "\u{2212}2.5"),
            (
                "max(abs(results/table.csv[first][Each][*] - results/metrics.json[methods][1][each][*])) as 0.0",
                "9.5"
            ),
            ("mean(results/table.csv[*][AUP]) as 0.000", "296.754"),
            ("count(results/table.csv[*][AUP])", "2"),
            ("count(results/table.csv[Note = fast][AUP])", "1"),
            ("max(results/table.csv[Note = fast][AUP]) as 0.0", "593.8"),
            ("count(results/table.csv[Note = slow][AUP])", "0"),
            ("results/groups.csv[a / y][n]", "2"), ("results/groups.csv[a / x][n]", "1"),
            ("results/groups.csv[b][n]", "3"),
            ("100 * (results/table.csv[first][AUP] / [first][AUP] - 1)", "0"),
            ("2 + 3 * 4 - 6 / 2", "11"),
            ("(2 + 3) * (4 - 6)", "\u{2212}10"),
            ("min(3, -2)", "\u{2212}2"),
            ("1234567 as 0,000", "1,234,567"),
            ("0.5 as 0", "0"), ("1.5 as 0", "2"), ("2.675 as 0.00", "2.67"),
        ])
    func valuesAreComputedAndRounded(expression: String, text: String) throws {
        #expect(try folder.value(expression) == text)
    }

    @Test(
        arguments: [
            (
                "results/table.csv[firts][AUP] as 0",
                "results/table.csv: It has no row \"firts\". Did you mean \"first\"?"
            ),
            ("results/table.csv[first][aup] as 0", "Did you mean \"AUP\"?"),
            ("results/table.csv[first] as 0", "[row][column]"),
            ("results/groups.csv[a][n]", "It has 2 rows \"a\""),
            ("results/groups.csv[a][n]", "as in [a / x]"),
            ("results/table.csv[first][Each][4] as 0", "3 items, counted from 1"),
            ("results/table.csv[first][Note] as 0", "\"fast\" is no number"),
            ("results/table.csv[first][Each] as 0", "is no number"),
            ("results/table.csv[first][Each][*] as 0", "These are 3 numbers"),
            ("results/table.csv[first][AUP]", "has to be rounded"),
            ("results/table.csv[first][AUP] as 1", "with + in front"),
            ("results/table.csv[first][AUP] as 0.", "with + in front"),
            ("results/metrics.json[method] as 0", "Did you mean \"methods\"?"),
            ("results/metrics.json[methods][2][aup] as 0", "There are 1 elements"),
            ("results/metrics.json[methods][other][aup] as 0", "No element there says \"other\"."),
            ("results/metrics.json[methods][1] as 0", "There are label, aup, each."),
            ("results/metrics.json[empty] as 0", "there is no value"),
            ("results/table.md[a][b] as 0", "CSV and JSON"),
            ("results/table.csv[first", "isn't closed with ]"), ("1 ] 2", "\"]\" closes nothing"),
            ("results/table.csv[first][Each][-9223372036854775808] as 0", "counted from 1"),
            ("results/metrics.json[methods][-9223372036854775808][aup] as 0", "counted from 1"),
            ("[first][AUP]", "has no file in front of it"),
            ("1 / 0", "divides by zero"), ("1 +", "needs a place"), ("1 2", "isn't expected there"),
            ("(1", "\")\" is missing"), ("", "needs a place"), ("first", "neither a number nor a file"),
            ("maximum(1)", "There is no function maximum."),
            (
                "results/table.csv[first][Each][*] - results/table.csv[*][AUP]",
                "3 numbers can't be combined with 2"
            ),
        ])
    func mistakesSayWhatWouldBeRight(expression: String, message: String) throws {
        let found = try folder.value(expression)
        #expect(found.contains(message), "\(found)")
    }

    @Test func bracketsWithoutEndAreStopped() throws {
        let found = try folder.value(String(repeating: "(", count: 100_000))
        #expect(found.contains("nested more than 32 deep"))
    }

    @Test func damagedFilesAreTold() throws {
        #expect(throws: NotebookProblem.results("It is empty.")) { try CSVFile("") }
        #expect(throws: NotebookProblem.self) { try CSVFile("a,b\n1\n") }
        #expect(throws: NotebookProblem.self) { try CSVFile("a,b\n\"1,2\n") }
        #expect(try CSVFile("a,b\r\n1,\"2\n3\"").rows == [["1", "2\n3"]])
        #expect(try CSVFile("a,b\n1,\n").rows == [["1", ""]])
    }
}
