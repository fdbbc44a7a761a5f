package import ArtifactStore
internal import Base
internal import Files
package import JSON
internal import Measures
internal import Reporting
internal import StageBasics
package import SystemPackage

/// The tables of a run beside recorded ones: whether they are the same, and where they aren't, whether the differences
/// are of the size that recorded repeats have among themselves.
///
/// Machines whose processors have FMA and AVX2 compute the same bytes; others train other weights from the same seed.
/// Such a run is one more draw, and what it can be held against is the spread of the recorded draws.
package struct Agreement: Sendable {
    /// One number of one method.
    struct Number: Sendable {
        let label: String
        /// `tpf@90` and the like, or `AUP`.
        let measure: String
        let value: Double?
        let recorded: Double?
        /// Each recorded repeat's number, those that aren't known left out.
        let repeats: [Double]

        enum Place: String { case same, inside, outside, unknown }

        /// Where the number lies: inside from the smallest to the largest of the recorded ones.
        var place: Place {
            guard let value else { return recorded == nil ? .same : .unknown }
            if value == recorded { return .same }
            let known = repeats + (recorded.map { [$0] } ?? [])
            guard known.count > 1, let low = known.min(), let high = known.max() else { return .unknown }
            return value >= low && value <= high ? .inside : .outside
        }
    }

    private let run: String
    private let folder: FilePath
    private let numbers: [Number]
    /// Whether recipe and files are the recorded ones.
    private let isSameRecipe: Bool
    private let isSameContent: Bool
    private let repeatCount: Int
    private let levels: (here: String?, recorded: String?)
    private let verdicts: (same: Int, all: Int)

    /// Compares the table of a run with recorded results.
    ///
    /// - Parameter folder: what `make record` wrote: `*-artifact.json` of a table, and of a summary of repeats if there is
    ///   one, in the folder or one below it.
    /// - Throws: ``DataError`` where the run or the folder has no table; `FileError`.
    package init(_ location: RunLocation, recorded folder: FilePath) throws {
        try self.init(
            run: location.address,
            artifacts: location.record.stages.compactMap {
                (try? location.store.artifact(of: $0))?.record.value
            },
            recorded: folder)
    }

    /// The same for the records of a run's artifacts.
    init(run: String, artifacts: [JSONValue], recorded folder: FilePath) throws {
        self.run = run
        self.folder = folder
        let recorded = try Self.artifacts(in: folder)
        let tables = artifacts.filter { $0["recipe"]?["kind"] == .string(AUPStage.name) }
        guard let table = tables.first else {
            throw DataError(
                description:
                    "the run \(run) made no table that is still in its store; run its experiment to the end first"
            )
        }
        let candidates = recorded.filter { $0["recipe"]?["kind"] == .string(AUPStage.name) }
        guard
            let reference = candidates.first(where: { $0["fingerprint"] == table["fingerprint"] })
                ?? candidates.first
        else {
            throw DataError(
                description:
                    "\(folder) holds no recorded table (*-artifact.json of the kind \"aup\"); make record writes one"
            )
        }
        isSameRecipe = table["fingerprint"] == reference["fingerprint"]
        isSameContent = isSameRecipe && table["files"] == reference["files"]
        levels = (table["machine"]?["kernels"]?.string, reference["machine"]?["kernels"]?.string)
        let repeats = recorded.first { $0["recipe"]?["kind"] == .string(ReplicatesStage.name) }?["metrics"]
        repeatCount = repeats?["repeats"]?.double.flatMap { Int(exactly: $0) } ?? 0
        numbers = Self.numbers(table["metrics"], reference["metrics"], repeats)
        let claims = table["metrics"]?["claims"]?.object?.members ?? []
        let same = claims.count { reference["metrics"]?["claims"]?[$0.key] == $0.value }
        verdicts = (same, claims.count)
    }

    /// The records of artifacts in a folder and in those below it.
    private static func artifacts(in folder: FilePath) throws -> [JSONValue] {
        var files: [FilePath] = []
        for name in try FileSystem.list(folder).sorted() {
            let path = folder.appending(name)
            if name.byteText.hasSuffix("-artifact.json") {
                files.append(path)
            } else if let inner = try? FileSystem.list(path) {
                files += inner.sorted().filter { $0.byteText.hasSuffix("-artifact.json") }.map {
                    path.appending($0)
                }
            }
        }
        return try files.map { file in
            do {
                return JSONValue(try JSONDocument(parsing: try FileSystem.read(file), name: file.string).root)
            } catch let error as JSONSyntaxError {
                throw DataError(description: "\(file) isn't a recorded artifact: \(error.message)")
            }
        }
    }

    /// Speeds at the fixed accuracies, then the areas, for each method that the run's table has.
    private static func numbers(_ own: JSONValue?, _ recorded: JSONValue?, _ repeats: JSONValue?) -> [Number]
    {
        (own?["methods"]?.object?.members ?? []).flatMap { method -> [Number] in
            let there = recorded?["methods"]?[method.key]
            let each = repeats?["methods"]?[method.key]
            func known(_ value: JSONValue?) -> [Double] { (value?.array ?? []).compactMap(\.double) }
            let speeds = (method.value["speeds"]?.object?.members ?? []).map { speed in
                Number(
                    label: method.key, measure: "tpf@\(speed.key)", value: speed.value["tpf"]?.double,
                    recorded: there?["speeds"]?[speed.key]?["tpf"]?.double,
                    repeats: known(each?["speedsOfEach"]?[speed.key]))
            }
            return speeds + [
                Number(
                    label: method.key, measure: "AUP", value: method.value["aup"]?.double,
                    recorded: there?["aup"]?.double, repeats: known(each?["aupOfEach"]))
            ]
        }
    }

    /// What it comes to, in words.
    private var sentences: [String] {
        if isSameContent { return ["This table is the recorded one, byte for byte."] }
        var result: [String] = []
        let reason =
            levels.here != levels.recorded
            ? " The recorded one was computed with \(levels.recorded ?? "unknown") kernels, this one with \(levels.here ?? "unknown")."
            : ""
        result.append(
            isSameRecipe
                ? "The same recipe gave other numbers than the recorded ones: other last bits train other weights, and this run is one more draw.\(reason)"
                : "Configuration or program differ from those of the recorded table, so that the numbers may, too.\(reason)"
        )
        let judged = numbers.filter { $0.place != .unknown }
        let outside = judged.filter { $0.place == .outside }
        if repeatCount > 1 {
            result.append(
                "\(judged.count - outside.count) of \(judged.count) numbers lie within what \(repeatCount) recorded repeats span"
                    + (outside.isEmpty ? "." : "; with so few repeats a new draw is outside now and then."))
        } else {
            result.append("No repeats are recorded there, so that nothing says how far apart two draws are.")
        }
        result.append("\(verdicts.same) of \(verdicts.all) claims have the recorded verdict.")
        return result
    }

    /// The table of numbers with the sentences below it.
    package var text: String {
        var table = Table(
            title: "\(run) beside \(folder)",
            columns: [
                .init("Method"), .init("Measure"), .init("Here", alignment: .right),
                .init("Recorded", alignment: .right),
                .init("Recorded repeats", alignment: .right), .init("Here is"),
            ], notes: sentences)
        for number in numbers where !isSameContent {
            func shown(_ value: Double?) -> Table.Cell {
                .text(value.map { FixedPoint.text($0, digits: number.measure == "AUP" ? 1 : 2) } ?? "—")
            }
            let low = number.repeats.min(), high = number.repeats.max()
            let range: Table.Cell =
                if let low, let high {
                    .text(
                        "\(FixedPoint.text(low, digits: number.measure == "AUP" ? 1 : 2)) to "
                            + FixedPoint.text(high, digits: number.measure == "AUP" ? 1 : 2))
                } else { .text("—") }
            table.append([
                .text(number.label), .text(number.measure), shown(number.value), shown(number.recorded),
                range,
                .text(number.place == .unknown ? "—" : number.place.rawValue),
            ])
        }
        return isSameContent ? sentences.joined(separator: "\n") + "\n" : TextTableRenderer().render(table)
    }

    /// The same as JSON.
    package var value: JSONValue {
        [
            "run": .string(run), "recorded": .string(folder.string), "sameRecipe": .bool(isSameRecipe),
            "sameBytes": .bool(isSameContent), "repeats": .integer(repeatCount),
            "claimsWithRecordedVerdict": .integer(verdicts.same), "claims": .integer(verdicts.all),
            "numbers": .array(
                numbers.map { number in
                    [
                        "method": .string(number.label), "measure": .string(number.measure),
                        "here": number.value.map { .number($0) } ?? .null,
                        "recorded": number.recorded.map { .number($0) } ?? .null,
                        "repeats": .array(number.repeats.map { .number($0) }),
                        "place": .string(number.place.rawValue),
                    ]
                }),
        ]
    }
}
