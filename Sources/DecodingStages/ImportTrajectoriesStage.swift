internal import Archives
package import ArtifactStore
internal import Audit
internal import Base
internal import Columnar
internal import DataStages
internal import Files
internal import JSON
internal import ModelStages
package import Recipes
internal import Reporting
package import Runs
internal import StageBasics
internal import SystemPackage
internal import Tokenizers

/// Converts published trajectories, which hold the whole sequence after each step, to one step number per position.
package struct ImportTrajectoriesStage: QuickStage {
    package static let name = "import-trajectories"
    package static let version = 1
    package static let summary =
        "Converts published trajectories (d3LLM's data sets: the whole sequence after each step) to what distill takes: one step number per position."
    package static let output = ArtifactType.trajectories

    /// Which answers are taken.
    enum Keep: String, CaseIterable {
        case all
        case right
    }

    /// What becomes of a row that no decoding can have given.
    enum Impossible: String, CaseIterable {
        case refuse
        case skip
    }

    let files: ArtifactReference
    let model: ArtifactReference
    let part: String?
    let limit: Int?
    let keep: Keep
    let impossible: Impossible
    let options: PublishedTrajectory.Options

    package init(_ fields: Fields) {
        files = fields.artifact(
            "files", types: [.files],
            "The data set: .parquet, .arrow or .jsonl files (also compressed) with prompt_ids and trajectory."
        )
        model = fields.artifact(
            "model", types: [.model],
            "The teacher that made them: its mask token and vocabulary are needed, and its tokenizer has to be theirs."
        )
        part = fields.optionalString(
            "part", "Beginning of the files' paths, where the data set has several parts.")
        limit = fields.optionalInteger("limit", in: 1...100_000_000, "Rows to read, from the first on.")
        keep = fields.choice(
            "keep", default: Keep.all,
            "all: also rows whose is_correct is false, as the released training takes them; right: only the others."
        )
        impossible = fields.choice(
            "impossible", default: Impossible.refuse,
            "What becomes of a row that no decoding can have given: an error that names the place (refuse), or it is left out and counted (skip)."
        )
        options = PublishedTrajectory.Options(
            blockLength: fields.optionalInteger(
                "blockLength", in: 1...65_536,
                "Block of the teacher's decoding: a row that doesn't finish its blocks one after another counts as impossible."
            ),
            maximumResponse: fields.optionalInteger(
                "maximumResponse", in: 1...1_000_000,
                "Responses are cut to this many tokens (released training for Dream: 256)."),
            maximumLength: fields.optionalInteger(
                "maximumLength", in: 1...1_000_000,
                "Prompt and response are cut to this many tokens together (released training: 384 for LLaDA, 512 for Dream); a row without a response left is left out and counted."
            ))
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let tokens = try ModelTokens(context.folder(of: model))
        let source = try TrajectoryFiles(
            context.folder(of: files), part: part, name: "\(files)", scratch: context.workFolder)
        var agreement = TokenizerAgreement(tokens.tokenizer)
        var counts = Counts()
        let progress = context.progress(total: limit, unit: "rows")
        try context.writeJournal(TrajectoriesStage.journalName) { append in
            try source.forEachRow(limit: limit) { row, place in
                if counts.rows % 64 == 0 { try context.checkCancellation() }
                counts.rows += 1
                progress.advance()
                let answer: PublishedTrajectory
                do throws(ImpossibleTrajectory) {
                    answer = try PublishedTrajectory(row, tokens, options)
                } catch {
                    guard impossible == .skip else {
                        throw DataError(
                            description:
                                "\(place)\(error.row.map { " (idx \($0))" } ?? ""): \(error.description) \"impossible\": \"skip\" leaves such rows out."
                        )
                    }
                    counts.impossible += 1
                    return
                }
                if keep == .right, answer.own?.used != true || answer.isCorrect != nil {
                    guard let isCorrect = answer.isCorrect else {
                        throw DataError(
                            description:
                                "\(place): There is no is_correct, which \"keep\": \"right\" goes by.")
                    }
                    guard isCorrect else {
                        counts.wrong += 1
                        return
                    }
                }
                guard let record = answer.record(number: counts.rows - 1, options) else {
                    counts.tooLong += 1
                    return
                }
                try agreement.compare(row, answer)
                counts.add(record, endToken: tokens.end)
                // Rows of this program know their questions by name, those of others only by place.
                let key: JournalKey = answer.own == nil ? .integer(counts.rows - 1) : .string(record.id)
                try append(JournalRecord(key, record.value))
            }
        }
        try agreement.check(files: "\(files)", model: "\(model)")
        guard counts.kept > 0 else {
            throw DataError(
                description:
                    "\(files) gives no trajectory: of \(counts.rows) rows \(counts.wrong) are wrong answers, \(counts.tooLong) have no room for a response, and \(counts.impossible) are impossible."
            )
        }
        return counts.result(agreement)
    }
}

/// What became of the rows.
private struct Counts {
    var rows = 0
    var kept = 0
    var wrong = 0
    var tooLong = 0
    var impossible = 0
    private var steps = 0
    private var prompt = 0
    private var response = 0
    private var answer = 0

    mutating func add(_ record: TrajectoryRecord, endToken: Int32) {
        kept += 1
        steps += record.evaluations
        prompt += record.prompt?.count ?? 0
        response += record.response.count
        answer += record.response.firstIndex(of: endToken) ?? record.response.count
    }

    func result(_ agreement: TokenizerAgreement) -> StageResult {
        func mean(_ sum: Int) -> Double { Double(sum) / Double(max(1, kept)) }
        let left = [(wrong, "wrong"), (tooLong, "too long"), (impossible, "impossible")].filter { $0.0 > 0 }
            .map { ", \($0.0) \($0.1)" }.joined()
        return StageResult(
            summary:
                "\(kept) of \(rows) rows\(left); prompts of \(FixedPoint.text(mean(prompt), digits: 0)) tokens, responses of \(FixedPoint.text(mean(response), digits: 0)), \(FixedPoint.text(mean(steps), digits: 0)) steps on the mean",
            metrics: [
                "rows": .integer(rows), "kept": .integer(kept), "wrong": .integer(wrong),
                "tooLong": .integer(tooLong), "impossible": .integer(impossible), "nfe": .integer(steps),
                "promptTokens": .number(mean(prompt)), "responseTokens": .number(mean(response)),
                "answerTokens": .number(mean(answer)),
                "tokenizerCompared": .integer(agreement.compared),
                "tokenizerAgreed": .integer(agreement.agreed),
            ])
    }
}

/// Whether the tokens of published trajectories are those of a model's tokenizer, told from the texts beside them.
///
/// Of the first rows the question should be found in the decoded prompt. A row may differ for other reasons, such as
/// characters that a normalizer changes; with another vocabulary hardly any agrees.
struct TokenizerAgreement {
    private static let limit = 100

    /// Rows that have a question to compare with, at most 100.
    private(set) var compared = 0
    private(set) var agreed = 0
    private var example: (question: String, prompt: String)?
    private let tokenizer: any Tokenizer

    init(_ tokenizer: any Tokenizer) { self.tokenizer = tokenizer }

    /// Compares a row, if it is one of the first.
    ///
    /// - Throws: `TokenizerError` when a pattern of the tokenizer takes too long on a question.
    mutating func compare(_ row: JSONObject, _ answer: PublishedTrajectory) throws(TokenizerError) {
        guard compared < Self.limit, let question = row["question"]?.string, !question.isEmpty else { return }
        compared += 1
        let ids = answer.prompt.map(Int.init)
        let prompt = tokenizer.exactText(of: ids)
        // Where the tokenizer loses spaces or forms of characters, the tokens themselves may still be the same.
        var isSame = prompt.contains(question)
        for framed in [false, true] where !isSame {
            isSame = try tokenizer.encode(text: question, addSpecialTokens: framed) == ids
        }
        if isSame { agreed += 1 } else if example == nil { example = (question, prompt) }
    }

    /// - Throws: ``DataError`` where fewer than half of the rows agree.
    func check(files: String, model: String) throws(DataError) {
        guard agreed * 2 < compared, let example else { return }
        func beginning(_ text: String) -> String { text.count > 80 ? "\(text.prefix(80))…" : text }
        throw DataError(
            description:
                "The tokens of \(files) aren't those of \(model): of \(compared) prompts \(agreed) hold their question when its tokenizer decodes them. The first that doesn't is \"\(beginning(example.prompt))\" for \"\(beginning(example.question))\". Name the model whose tokenizer made the trajectories."
        )
    }
}

/// The files of a data set of trajectories, which are read row by row: they are larger than the memory.
struct TrajectoryFiles {
    private enum Form: String {
        case parquet = "Parquet"
        case arrow = "Arrow"
        case lines = "JSON lines"

        init?(_ name: String) {
            let plain = Unpacker.nameWithoutCompression(name) ?? name
            if name.byteText.hasSuffix(".parquet") {
                self = .parquet
            } else if name.byteText.hasSuffix(".arrow") {
                self = .arrow
            } else if plain.byteText.hasSuffix(".jsonl") {
                self = .lines
            } else {
                return nil
            }
        }
    }

    private let folder: FilePath
    private let scratch: FilePath
    private let names: [(name: String, form: Form)]

    /// Finds the files, in the order of their names.
    ///
    /// - Parameters:
    ///   - part: What the names begin with.
    ///   - name: What the data set is called in errors.
    ///   - scratch: A folder for a file that has to be decompressed.
    /// - Throws: ``DataError`` where there are none, where they are of several parts, or where one is missing.
    init(_ folder: FilePath, part: String?, name: String, scratch: FilePath) throws {
        self.folder = folder
        self.scratch = scratch
        let all = try PinnedSource.files(below: folder).map(\.path)
        var found = all.sorted().compactMap { name in Form(name).map { (name: name, form: $0) } }
        if found.isEmpty, all == [LocalFilesStage.fileName] {
            found = [(name: LocalFilesStage.fileName, form: try Self.form(of: folder.appending(all[0])))]
        }
        names = found.filter { file in part.map { file.name.byteText.hasPrefix($0) } ?? true }
        func list(_ names: some Sequence<String>) -> String {
            let names = Array(names)
            return names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and so on" : "")
        }
        guard !names.isEmpty else {
            throw DataError(
                description:
                    "\(name) has no .parquet, .arrow or .jsonl file\(part.map { " whose path begins with \"\($0)\"" } ?? ""). It holds \(list(all))."
            )
        }
        let series = Dictionary(grouping: names.map { Shard($0.name) }, by: \.series)
        // not text: files by their series
        guard series.count == 1, let shards = series.values.first else {
            throw DataError(
                description:
                    "\(name) has several parts: \(list(series.keys.sorted())). Say with \"part\" which is meant."
            )
        }
        if let total = shards[0].total,
            shards.compactMap(\.number).sorted() != Array(0..<total)
        {
            throw DataError(
                description:
                    "\(name) doesn't hold all \(total) files of \(shards[0].series), each once: it holds \(list(shards.map(\.name))). Fetch the others too."
            )
        }
    }

    /// Gives the rows of all files in order, with their places for messages: of Parquet and Arrow files the columns that
    /// ``PublishedTrajectory`` reads.
    ///
    /// - Throws: `ColumnarError`, `ArchiveError`, `FileError`, ``DataError`` for a file without rows and for a line that
    ///   is no JSON, and what the body throws.
    func forEachRow(limit: Int?, _ body: (JSONObject, _ place: String) throws -> Void) throws {
        struct Enough: Error {}
        var count = 0
        func take(_ row: JSONObject, _ place: @autoclosure () -> String) throws {
            if count == limit { throw Enough() }
            count += 1
            try body(row, place())
        }
        // A batch of a thousand rows, as Hugging Face writes them, has gigabytes here.
        var limits = ColumnarLimits()
        limits.pageBytes = 1 << 35
        limits.pageValues = 1 << 32
        limits.rowValues = 1 << 24
        do {
            for (name, form) in names {
                let path = folder.pushing(FilePath(name))
                var row = 0
                switch form {
                case .parquet:
                    try ParquetFile(path, limits: limits).forEachRow(columns: PublishedTrajectory.columns) {
                        row += 1
                        try take($0, "\(name), row \(row)")
                    }
                case .arrow:
                    try ArrowFile(path, limits: limits).forEachRow(columns: PublishedTrajectory.columns) {
                        row += 1
                        try take($0, "\(name), row \(row)")
                    }
                case .lines:
                    try withPlain(path, name) { plain in
                        try FileSystem.forEachLine(of: plain) { line, number in
                            if line.isEmpty { return }
                            guard
                                let root = try? JSONDocument(parsing: line, name: name, allowNonFinite: true)
                                    .root,
                                let object = JSONValue(root).object
                            else {
                                throw DataError(
                                    description: "\(name), line \(number): this is no JSON object.")
                            }
                            row += 1
                            try take(object, "\(name), line \(number)")
                        }
                    }
                }
                guard row > 0 else { throw DataError(description: "\(name) has no rows.") }
            }
        } catch is Enough {}
    }

    /// The file, or what is in it, decompressed beside the artifact for as long as it is read.
    private func withPlain(_ path: FilePath, _ name: String, _ body: (FilePath) throws -> Void) throws {
        let isCompressed =
            Unpacker.nameWithoutCompression(name) != nil || !Self.startsWithBrace(path)
        guard isCompressed else { return try body(path) }
        let plain = scratch.appending("lines")
        try FileSystem.createDirectory(scratch)
        try FileSystem.remove(plain)
        defer { try? FileSystem.remove(plain) }
        // Thousands of copies of one sequence are packed tightly.
        try Unpacker(limits: .init(bytes: 1 << 42, ratio: 5000)).decompress(path, to: plain)
        try body(plain)
    }

    /// What a file is that has lost its name, as those of the stage `dataset` have.
    private static func form(of path: FilePath) throws -> Form {
        var head: [UInt8] = []
        try? FileSystem.readParts(path) { part in
            if head.isEmpty { head = Array(part.prefix(8)) }
            if head.count == 8 { throw DataError(description: "") }
        }
        if ParquetFile.isParquet(head.prefix(4)) { return .parquet }
        if head.starts(with: "ARROW1".utf8) || head.starts(with: [255, 255, 255, 255]) { return .arrow }
        return .lines
    }

    private static func startsWithBrace(_ path: FilePath) -> Bool {
        var first: UInt8?
        try? FileSystem.readParts(path) { part in
            first = part.first
            throw DataError(description: "")
        }
        return first.map { $0 == UInt8(ascii: "{") } ?? true
    }

    /// One of the files that a part of a data set is cut into, such as `train-00000-of-00010.arrow`.
    private struct Shard {
        let name: String
        /// Folder and name without the number.
        let series: String
        let number: Int?
        let total: Int?

        init(_ name: String) {
            self.name = name
            let path = FilePath(name)
            let file = path.lastComponent?.string ?? name
            let words = String(file.unicodeScalars.prefix { $0 != "." }).byteText.split("-").map(\.text)
            let folder = path.removingLastComponent().string
            let isNumbered = words.count >= 4 && words[words.count - 2] == "of"
            number = isNumbered ? Int(words[words.count - 3]) : nil
            // A number that no data set has would only make the check of it slow.
            total =
                isNumbered
                ? words.last.flatMap { Int($0) }.flatMap { (1...1_000_000).contains($0) ? $0 : nil } : nil
            let kind = isNumbered ? words.dropLast(3).joined(separator: "-") : file
            series = folder.isEmpty ? kind : "\(folder)/\(kind)"
        }
    }
}

extension ImportTrajectoriesStage {
    /// Rows and their lengths: from the artifact, or what the keys say.
    ///
    /// Published sets hold a full sequence per step; how many rows they have is known when they have been read.
    package func facts(_ context: ForecastContext) -> Facts {
        let metrics = context.record?.metrics
        var facts: Facts = [:]
        facts[.answers] = metrics?["kept"]?.double ?? limit.map(Double.init)
        // Until they are read, d3LLM's: responses of 256 tokens to questions of GSM8K and the like.
        facts[.promptTokens] = metrics?["promptTokens"]?.double ?? 100
        facts[.responseTokens] =
            metrics?["responseTokens"]?.double ?? Double(options.maximumResponse ?? 256)
        return facts
    }

    /// Reading a step of a sequence takes a tenth of a microsecond per token; what is written is small.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let facts = facts(context)
        guard let rows = facts[.answers], let prompt = facts[.promptTokens],
            let response = facts[.responseTokens]
        else { return nil }
        let disk = rows * (110 + 5.5 * prompt + 9.5 * response)
        // One row in the form of JSON, or a batch of the file.
        return StageForecast(
            seconds: rows * response * (prompt + response) * 1e-7,
            memory: Int(clamped: MemoryModel.program + 1000 * response * (prompt + response) * 8),
            disk: Int(clamped: disk), scratch: Int(clamped: disk))
    }
}
