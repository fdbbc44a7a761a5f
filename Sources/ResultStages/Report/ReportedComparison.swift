internal import ArtifactStore
internal import Audit
internal import Base
internal import Evaluation
internal import Files
internal import JSON
internal import Measures
internal import Reporting
internal import StageBasics
internal import SystemPackage

/// A comparison of methods as its artifact has it: what was recorded, not what would be computed now.
struct ReportedComparison {
    struct Method {
        let label: String
        /// Nil where no setting reaches the target.
        let setting: String?
        let tpf: ReportInterval?
        let nfe: Double?
        let inputs: Double?
        let accuracy: ReportInterval?
        let aup: ReportInterval?
        /// How many settings form its curve.
        let curve: Int
        /// The area with one cut-off for all; nil in tables of before there was one.
        let commonAUP: ReportInterval?
        /// "95 or 618" where settings at the cut-off decide the area.
        let jumps: String?
        let speeds: [Speed]
    }

    /// Tokens per forward at an accuracy.
    struct Speed {
        /// "TPF@90".
        let heading: String
        /// Nil where the accuracy isn't reached.
        let tpf: ReportInterval?
        let isLowerBound: Bool

        /// Those of a row, in the order of the file.
        static func all(_ row: RecordedCSV.Row, _ columns: [String]) -> [Speed] {
            columns.filter { $0.byteText.hasPrefix("TPF@") && !$0.byteText.contains(" ") }.map {
                Speed(heading: $0, tpf: row.interval($0), isLowerBound: row["\($0) at least"] == "yes")
            }
        }
    }

    struct Setting {
        let label: String
        let name: String
        let tpf: Double
        let nfe: Double?
        let inputs: Double?
        let accuracy: ReportInterval
        let isOnCurve: Bool
        /// The stage whose samples these are; nil where it isn't a stage of the run.
        let item: RunContents.Item?
    }

    struct JudgedClaim {
        let statement: String
        let compared: String
        /// Left minus right; for ratios the effect in percent.
        let difference: ReportInterval?
        /// Whether the effect is a ratio.
        var isRatio = false
        /// "at least", "at most" or both, where a side was still accurate enough at its fastest setting.
        var bound: String?
        /// What the interval excludes, in words.
        var size: String?
        /// As recorded, in the words of today: see `Claim.Verdict`.
        let verdict: String
        /// "3 of 3", for claims over repeats.
        var holdsIn: String?
        /// The differences of the repeats.
        var values: [Double] = []

        /// The measure on the left, such as LABEL.tpf@90.
        var left: String {
            compared.byteText.cut(at: " vs ")?.before.text ?? compared
        }
    }

    let item: RunContents.Item
    let roles: ReportRoles
    let methods: [Method]
    let settings: [Setting]
    let claims: [JudgedClaim]
    /// Accuracy in percent that operating points reach on the calibration half.
    let target: Double?
    /// Problems that the numbers are of.
    let reported: Int?
    let taskLimit: Double?

    /// Reads the artifact of a stage of kind `aup`.
    ///
    /// - Throws: ``DamagedFileError``; `FileError`.
    init(_ item: RunContents.Item, _ artifact: Artifact, in contents: RunContents) throws {
        self.item = item
        roles = ReportRoles(artifact.record)
        let table = try RecordedCSV(artifact.folder.appending("table.csv"))
        methods = table.rows.compactMap { row in
            row["Method"].map { label in
                Method(
                    label: label, setting: row["Setting"], tpf: row.interval("TPF"), nfe: row.number("NFE"),
                    inputs: row.number("Inputs"), accuracy: row.interval("Accuracy (%)"),
                    aup: row.interval("AUP"), curve: row.number("Curve").flatMap { Int(exactly: $0) } ?? 0,
                    commonAUP: row.interval("Common AUP"), jumps: row["AUP jumps between"],
                    speeds: Speed.all(row, table.columns))
            }
        }
        claims = try Self.claims(artifact.folder.appending("claims.csv"))
        let sweep = try RecordedCSV(artifact.folder.appending("sweep.csv")).rows
        let stages = Self.fingerprints(artifact.record)
        settings = sweep.enumerated().compactMap { index, row in
            guard let label = row["Method"], let name = row["Setting"], let tpf = row.number("TPF"),
                let accuracy = row.interval("Accuracy (%)")
            else { return nil }
            // Rows are in the order of the curves; where one could not be measured, none can be told from it.
            let stage = stages.count == sweep.count ? contents[stages[index]] : nil
            return Setting(
                label: label, name: name, tpf: tpf, nfe: row.number("NFE"), inputs: row.number("Inputs"),
                accuracy: accuracy, isOnCurve: row["Curve"] == "yes", item: stage)
        }
        let metrics = artifact.record.metrics
        target = metrics["target"]?.double
        reported = metrics["reported"]?.int
        taskLimit = metrics["taskLimit"]?.double
    }

    /// The claims of a table, or of repeats of one.
    static func claims(_ path: FilePath) throws -> [JudgedClaim] {
        try RecordedCSV(path).rows.compactMap { row in
            guard let statement = row["Claim"], let verdict = row["Verdict"] else { return nil }
            let ratio = row.interval("Effect (%)")
            return JudgedClaim(
                statement: statement, compared: row["Compared"] ?? "",
                difference: ratio ?? row.interval("Difference"), isRatio: ratio != nil, bound: row["Bound"],
                size: row["Size"], verdict: Claim.Verdict(recorded: verdict)?.rawValue ?? verdict,
                holdsIn: row["Holds in"], values: Self.list(row["Of each"]))
        }
    }

    /// "1.5 / 2.5" or "1.5, 1.7 / 2.5" as numbers.
    static func list(_ text: String?) -> [Double] {
        let items = (text ?? "").byteText.replacing(" ", with: "").split("/").flatMap { $0.split(",") }
        return items.compactMap { Double($0.text) }
    }

    /// The artifacts of all curves, in order.
    private static func fingerprints(_ record: ArtifactRecord) -> [String] {
        (record.recipe["inputs"]?["curves"]?.array ?? []).flatMap { curve in
            (curve["artifacts"]?.array ?? []).compactMap { $0.string.map { String($0.prefix(64)) } }
        }
    }

    /// The settings of a method, in the order of the sweep.
    func settings(of label: String) -> [Setting] { settings.filter { $0.label == label } }

    /// The setting that stands for a method: its operating point; where there is none, the most accurate one.
    func representative(of method: Method) -> (setting: Setting, isOperatingPoint: Bool)? {
        let own = settings(of: method.label)
        if let name = method.setting, let chosen = own.first(where: { $0.name == name }) {
            return (chosen, true)
        }
        // The first of the most accurate ones: max would take the last.
        guard let best = own.map(\.accuracy.value).max() else { return nil }
        return own.first { $0.accuracy.value == best }.map { ($0, false) }
    }
}

/// Repeats of a comparison as their artifact has them.
struct ReportedRepeats {
    struct Method {
        let label: String
        let aup: ReportInterval?
        let values: [Double]
        let tpf: ReportInterval?
        let accuracy: ReportInterval?
        let commonAUP: ReportInterval?
        let speeds: [ReportedComparison.Speed]
        /// "5 of 6" for each speed.
        let reached: [String]
    }

    /// A table of the repeats' artifact, as it was written.
    struct Recorded {
        let columns: [String]
        let rows: [[String]]
    }

    let item: RunContents.Item
    let count: Int
    /// Independent ones among them.
    let teachers: Int
    /// Spread and power; nil in artifacts of before there were such tables, or where no claim has two repeats.
    let variance: Recorded?
    let power: Recorded?
    let methods: [Method]
    let claims: [ReportedComparison.JudgedClaim]

    /// Reads the artifact of a stage of kind `replicates`.
    ///
    /// - Throws: ``DamagedFileError``; `FileError`.
    init(_ item: RunContents.Item, _ artifact: Artifact) throws {
        self.item = item
        count = artifact.record.metrics["repeats"]?.int ?? 0
        teachers = artifact.record.metrics["teachers"]?.int ?? count
        func recorded(_ name: String) throws -> Recorded? {
            let path = artifact.folder.appending(name)
            guard FileSystem.exists(path) else { return nil }
            let table = try RecordedCSV(path)
            return Recorded(
                columns: table.columns, rows: table.rows.map { row in table.columns.map { row[$0] ?? "—" } })
        }
        variance = try recorded("variance.csv")
        power = try recorded("power.csv").map(Self.byClaim)
        let table = try RecordedCSV(artifact.folder.appending("table.csv"))
        methods = table.rows.compactMap { row in
            row["Method"].map {
                let speeds = ReportedComparison.Speed.all(row, table.columns)
                return Method(
                    label: $0, aup: row.interval("AUP"),
                    values: ReportedComparison.list(row["AUP of each"]), tpf: row.interval("TPF"),
                    accuracy: row.interval("Accuracy (%)"), commonAUP: row.interval("Common AUP"),
                    speeds: speeds,
                    reached: speeds.map { row["\($0.heading) reached in"] ?? "" })
            }
        }
        claims = try ReportedComparison.claims(artifact.folder.appending("claims.csv"))
    }

    /// A row for each claim instead of one for each claim and number of repeats.
    private static func byClaim(_ long: Recorded) -> Recorded {
        let shown = PowerText.shown.map(String.init)
        var rows: [[String]] = []
        func number(_ text: String) -> String {
            Double(text).map { FixedPoint.text($0, digits: $0 < 100 ? 1 : 0) } ?? "—"
        }
        for row in long.rows where row.count == 5 {
            guard shown.contains(row[2]) else {
                continue
            }
            if rows.last?.first != row[0] { rows.append([row[0]]) }
            rows[rows.count - 1].append("\(number(row[3])) (\(number(row[4])))")
        }
        return Recorded(
            columns: ["Claim"] + shown.map { "n = \($0)" }, rows: rows.filter { $0.count == shown.count + 1 })
    }
}

/// A table that a stage left as comma-separated values, by column.
struct RecordedCSV {
    /// One row: texts by the names of their columns.
    struct Row {
        fileprivate let fields: [String: String]

        /// The text of a column; nil where it is empty or there is no such column.
        subscript(column: String) -> String? { fields[column].flatMap { $0.isEmpty ? nil : $0 } }

        /// The number of a column.
        func number(_ column: String) -> Double? { self[column].flatMap(Double.init) }

        /// The number of a column with its interval.
        func interval(_ column: String) -> ReportInterval? {
            guard let value = number(column), value.isFinite else { return nil }
            // An end that isn't bounded is empty.
            let ends = (number("\(column) lower"), number("\(column) upper"))
            guard ends.0 != nil || ends.1 != nil else { return ReportInterval(value: value, range: nil) }
            let (lower, upper) = (ends.0 ?? -.infinity, ends.1 ?? .infinity)
            guard lower <= upper else { return ReportInterval(value: value, range: nil) }
            return ReportInterval(value: value, range: lower...upper)
        }
    }

    /// The names of the columns, in their order.
    let columns: [String]
    let rows: [Row]

    /// - Throws: ``DamagedFileError`` when a row has more or fewer fields than there are columns; `FileError`.
    init(_ path: FilePath) throws {
        let records: [(values: [String], line: Int)]
        let text = try FileSystem.readText(path)
        do throws(SeparatedValues.Problem) {
            records = try SeparatedValues.records(text)
        } catch {
            throw DamagedFileError(path, line: error.line, error.reason)
        }
        guard let columns = records.first?.values else { throw DamagedFileError(path, "it has no columns.") }
        self.columns = columns
        rows = try records.dropFirst().map { fields, line in
            guard fields.count == columns.count else {
                throw DamagedFileError(
                    path, line: line,
                    "this row has \(fields.count) fields, but there are \(columns.count) columns.")
            }
            return Row(fields: Dictionary(zip(columns, fields), uniquingKeysWith: { first, _ in first }))
        }
    }
}

/// A number with what it may lie in.
struct ReportInterval: Hashable {
    let value: Double
    let range: ClosedRange<Double>?
}
