import Evaluation
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import DataStages

/// Files of records as pandas, pyarrow, Hugging Face's datasets and hands write them.
@Suite struct RecordFilesTests {
    let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    private static func fixture(_ name: String) -> FilePath { Fixtures.path("records/\(name)") }

    private func questions(
        _ path: FilePath, _ options: RecordReader.Options = .init(), format: RecordFormat? = nil,
        unit: TextUnit = .line
    ) throws -> [OwnQuestion] {
        let reader = RecordReader(options: options)
        let files = try RecordFiles(file: path, format: format, unit: unit, columns: reader.columns)
        let records = try files.records(files.names)
        let form = try reader.form(of: try #require(records.first))
        return try records.enumerated().map { try reader.question($1, number: $0 + 1, form) }
    }

    private func expected() throws -> [JSONNode] {
        let path = Self.fixture("expected.json")
        return try #require(
            try JSONDocument(parsing: FileSystem.read(path), name: path.string).root.array)
    }

    @Test(
        "every program's file gives the same questions",
        arguments: [
            "pandas.csv", "pandas-index.tsv", "pandas-records.json", "pandas-lines.jsonl.gz", "datasets.json",
            "datasets.parquet", "pyarrow.parquet", "pyarrow.arrow",
        ]) func forms(name: String) throws
    {
        var options = RecordReader.Options()
        options.grader = .number
        options.answerMarker = "####"
        let found = try questions(Self.fixture(name), options)
        let rows = try expected()
        #expect(found.map(\.id) == rows.map { $0["id"]?.string })
        #expect(found.map(\.prompt) == rows.map { $0["question"]?.string })
        #expect(found.map(\.response) == rows.map { $0["answer"]?.string })
        for (question, row) in zip(found, rows) {
            let number = try #require(row["answer"]?.string?.split(separator: " ").last)
            #expect(question.answer == String(number))
        }
    }

    @Test(arguments: ["datasets-chat.jsonl", "datasets-chat.parquet"]) func conversations(name: String) throws
    {
        let found = try questions(Self.fixture(name))
        let rows = try expected()
        #expect(found.map(\.prompt) == rows.map { $0["question"]?.string })
        #expect(found.allSatisfy { $0.turns == [.init(role: "system", content: "Answer with a number.")] })
        #expect(found.first?.response == "7" && found.first?.id == "record-1")
    }

    @Test func columnsOfOtherNames() throws {
        var options = RecordReader.Options()
        options.columns = ["prompt": "instruction", "response": "output", "answer": "result"]
        options.grader = .number
        let found = try questions(Self.fixture("pandas-renamed.parquet"), options)
        #expect(found.count == 12 && found.first?.answer == "7")
        #expect(found.first?.response?.hasPrefix("4 + 3 = 7") == true)
        let problem = failure(Self.fixture("pandas-renamed.parquet"))
        #expect(problem.contains("\"instruction\", \"output\", \"result\"") && problem.contains("columns"))
    }

    @Test func plainTextByLineAndParagraph() throws {
        let lines = try questions(Self.fixture("plain.txt"))
        #expect(lines.count == 24 && lines[1].response?.hasPrefix("4 + 3") == true && lines[1].prompt.isEmpty)
        let paragraphs = try questions(Self.fixture("plain.txt"), unit: .paragraph)
        #expect(paragraphs.count == 12 && paragraphs[1].source == "plain.txt, line 4")
    }

    /// Beside the question stand times, decimal numbers, bytes and codecs that aren't read.
    @Test(arguments: ["unasked", "unasked-damaged"]) func columnsThatNobodyAsksFor(name: String) throws {
        let records = try FileSystem.read(Fixtures.path("columnar/unasked.parquet.jsonl"))
            .split(separator: UInt8(ascii: "\n"))
            .map { JSONValue(try JSONDocument(parsing: Array($0), name: "rows").root)["question"]?.string }
        let path = Fixtures.path("columnar/\(name).parquet")
        // Every seventh question is null.
        let null = failure(path)
        #expect(null.contains("row 1: the record has no \"question\": it is null"), "\(null)")
        let files = try RecordFiles(
            file: path, format: nil, columns: RecordReader(options: .init()).columns)
        let found = try files.records(files.names)
        #expect(found.map { $0.value["question"]?.string } == records && records.count == 40)
        #expect(found.allSatisfy { $0.value.keys == ["question"] && $0.names.count == 9 })
        // What messages say of the columns is said of all of them.
        let named = failure(path) { $0.columns = ["prompt": "questoin"] }
        #expect(named.contains("\"when\", \"question\", \"price\""), "\(named)")
        #expect(named.contains("Did you mean \"question\"?"), "\(named)")
        let time = failure(path) { $0.columns = ["prompt": "when"] }
        #expect(time.contains("Column when holds times"), "\(time)")
    }

    @Test func aTableWithoutRowsIsAnError() throws {
        let parquet = failure(Fixtures.path("columnar/empty.parquet"))
        #expect(parquet == "empty.parquet: It has no rows.")
        let arrow = failure(Fixtures.path("columnar/empty.arrow"))
        #expect(arrow == "empty.arrow: It has no rows.")
        let other = failure(Fixtures.path("columnar/delta.parquet")) {
            $0.columns = ["prompt": "x"]
        }
        #expect(other.contains("no \"x\"; it has \"a\", \"b\", \"c\", \"text\""), "\(other)")
    }

    // MARK: What is wrong, where, and what would be right

    private func failure(_ path: FilePath, _ change: (inout RecordReader.Options) -> Void = { _ in })
        -> String
    {
        var options = RecordReader.Options()
        change(&options)
        do { return "no error: \(try questions(path, options).count)" } catch { return "\(error)" }
    }

    private func written(_ text: String, _ name: String = "own.jsonl") throws -> FilePath {
        let path = scratch.path.appending(name)
        try FileSystem.writeAtomically(text, to: path)
        return path
    }

    @Test func aMissingColumnIsNamedWithItsLine() throws {
        let path = try written(
            #"{"prompt": "a", "response": "b"}"# + "\n\n" + #"{"promt": "c", "response": "d"}"# + "\n")
        let text = failure(path)
        #expect(text.hasPrefix("own.jsonl, line 3: the record has no \"prompt\""), "\(text)")
        #expect(text.contains("Did you mean \"promt\"?"), "\(text)")
    }

    @Test func anEmptyResponseAndAnEmptyQuestionAreErrors() throws {
        let response = failure(try written(#"{"prompt": "a", "response": " "}"#))
        #expect(response.contains("line 1: \"response\" is empty"), "\(response)")
        let prompt = failure(try written(#"{"prompt": "", "response": "x"}"#))
        #expect(prompt.contains("line 1: \"prompt\" is empty"), "\(prompt)")
        let null = failure(try written("{\"prompt\": \"a\", \"response\": \"b\"}\n{\"prompt\": null}"))
        #expect(null.contains("line 2: the record has no \"prompt\""), "\(null)")
    }

    @Test func whatIsNoJSONIsNamedWithLineAndColumn() throws {
        let text = failure(try written("{\"prompt\": \"a\", \"response\": \"b\"}\n{\"prompt\": \"b\"\n"))
        #expect(text.contains("own.jsonl, line 2: column"), "\(text)")
        let list = failure(try written("{\"prompt\": \"a\"}\n[1]\n"))
        #expect(list.contains("line 2: The line is no JSON object"), "\(list)")
    }

    @Test func aFrameByColumnsSaysHowToWriteIt() throws {
        let text = failure(Self.fixture("pandas-columns.json"))
        #expect(text.contains("orient=\"records\", lines=True"), "\(text)")
    }

    @Test func tablesWithRaggedRowsAndOpenQuotes() throws {
        let ragged = failure(try written("prompt,response\na,b\nc,d,e\n", "own.csv"))
        #expect(ragged.contains("own.csv, line 3: The row has 3 values"), "\(ragged)")
        let open = failure(try written("prompt,response\na,\"b\nc,d\n", "own.csv"))
        #expect(open.contains("line 2: A quotation mark"), "\(open)")
        let latin = scratch.path.appending("latin.csv")
        try FileSystem.writeAtomically(Array("prompt,response\na,b".utf8) + [0xE9, 0x0A], to: latin)
        #expect(failure(latin).contains("line 2: The text isn't UTF-8"), "\(failure(latin))")
        let twice = failure(try written("prompt,prompt\na,b\n", "own.csv"))
        #expect(twice.contains("The heading \"prompt\" is there twice"), "\(twice)")
    }

    @Test func graders() throws {
        let path = try written(#"{"question": "a", "answer": "It is eleven."}"#)
        let number = failure(path) { $0.grader = .number }
        #expect(
            number.contains("line 1: the grader \"number\" can't grade: the reference answer is no number"))
        let marker = failure(path) {
            $0.grader = .number
            $0.answerMarker = "####"
        }
        #expect(marker.contains("\"####\" stands nowhere in the answer"), "\(marker)")
        let unknown = failure(try written(#"{"question": "a", "answer": "b", "grader": "fuzzy"}"#))
        #expect(unknown.contains("names no grader: \"fuzzy\". There are \"exact\""), "\(unknown)")
        let plain = try written(#"{"question": "a", "answer": "b"}"#)
        let tests = failure(plain) { $0.grader = .tests }
        #expect(tests.contains("the record has no \"tests\""), "\(tests)")
    }

    @Test func conversationsThatDontEndInAQuestion() throws {
        let none = failure(try written(#"{"messages": [{"role": "assistant", "content": "x"}]}"#))
        #expect(none.contains("line 1: the conversation should end in what the user says"), "\(none)")
        let role = failure(try written(#"{"messages": [{"role": "human", "content": "x"}]}"#))
        #expect(role.contains("message 1 of \"messages\" has the role \"human\""), "\(role)")
        let shape = failure(try written(#"{"messages": [{"from": "user", "value": "x"}]}"#))
        #expect(
            shape.contains("needs \"role\" and \"content\", both text; it has \"from\", \"value\""),
            "\(shape)")
    }

    @Test func whatNothingTellsNeedsItsFormat() throws {
        let path = try written("prompt,response\na,b\n", "data")
        #expect(failure(path).contains("Give \"format\": \"csv\""))
        #expect(try questions(path, format: .csv).map(\.prompt) == ["a"])
    }

    /// Bytes from elsewhere: an error or records, never an end of the program.
    @Test func changedFilesAreReadOrRefused() throws {
        var draws = SplitMix(seed: 11)
        let names = ["pandas.csv", "datasets.json", "pandas-records.json", "plain.txt"]
        var accepted = 0
        for _ in 0..<400 {
            let name = names[Int(draws.next() % UInt64(names.count))]
            var bytes = try FileSystem.read(Self.fixture(name))
            for _ in 0..<(1 + draws.next() % 4) {
                bytes[Int(draws.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: draws.next())
            }
            let path = scratch.path.appending(name)
            try FileSystem.writeAtomically(bytes, to: path)
            let files = try RecordFiles(file: path, format: nil)
            guard let records = try? files.records(files.names) else { continue }
            accepted += 1
            // A record is said to be in a line that the file has.
            let lines = bytes.count { $0 == 0x0A } + 1
            for record in records {
                let line = record.source.split(separator: " ").last.flatMap { Int($0) }
                #expect(line.map { (1...lines).contains($0) } == true, "\(record.source)")
            }
        }
        #expect(accepted > 40)
    }
}
