internal import Archives
internal import ArtifactStore
internal import Audit
internal import Base
internal import Columnar
internal import Files
internal import JSON
internal import Recipes
internal import Runs
internal import SystemPackage

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
