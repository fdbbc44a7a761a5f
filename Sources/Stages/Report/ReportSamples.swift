internal import ArtifactStore
internal import Audit
internal import Evaluation
internal import Files
internal import JSON
internal import Reporting
internal import SystemPackage

/// The samples of a run that a report may show: one decoder setting per method, all of the same problems.
struct ReportSamples {
    struct Method {
        let name: String
        let setting: String
        let item: RunContents.Item
        let records: [SampleRecord]
    }

    /// Evaluations shown where no table says which setting stands for a method.
    private static let evaluationLimit = 12

    let methods: [Method]
    /// The curves that the page speaks of.
    let roles: ReportRoles
    /// The ids of the problems, in the order of the records.
    let ids: [String]
    private let questions: [String: ReportQuestion]
    private let source: ReportSource
    /// What couldn't be read, as sentences.
    let problemsFound: [String]

    /// - Parameter comparisons: Say which settings stand for methods; without any all evaluations are taken.
    init(_ source: ReportSource, _ comparisons: [ReportedComparison]) {
        var wanted: [(name: String, setting: String, item: RunContents.Item)] = []
        for comparison in comparisons {
            for method in comparison.methods {
                guard let (setting, isOperatingPoint) = comparison.representative(of: method),
                    let item = setting.item,
                    // The same samples can stand for methods of several tables.
                    !wanted.contains(where: { $0.item.entry.fingerprint == item.entry.fingerprint })
                else { continue }
                let name = setting.name + (isOperatingPoint ? "" : ", most accurate")
                let isTaken = wanted.contains { $0.name == method.label }
                let label = isTaken ? "\(method.label) (\(comparison.item.entry.stage))" : method.label
                wanted.append((label, name, item))
            }
        }
        if comparisons.isEmpty {
            wanted = source.items(.samples).prefix(Self.evaluationLimit).map { item in
                let method = item.artifact?.record.recipe["config"]?["decoder"]?["method"]?.string
                return (item.entry.stage, method ?? "evaluate", item)
            }
        }
        var methods: [Method] = []
        var notes: [String] = []
        for (name, setting, item) in wanted {
            guard let artifact = item.artifact else { continue }
            do {
                let records = try Self.records(artifact.folder)
                guard let first = methods.first?.records else {
                    if !records.isEmpty {
                        methods.append(.init(name: name, setting: setting, item: item, records: records))
                    }
                    continue
                }
                guard records.map(\.id) == first.map(\.id),
                    records.map(\.promptHash) == first.map(\.promptHash)
                else {
                    notes.append("The samples of \(item.entry.stage) are of other problems and aren't shown.")
                    continue
                }
                methods.append(.init(name: name, setting: setting, item: item, records: records))
            } catch {
                notes.append("The samples of \(item.entry.stage) can't be read: \(error)")
            }
        }
        self.source = source
        self.methods = methods
        roles = comparisons.main?.roles ?? .usual
        ids = methods.first?.records.map(\.id) ?? []
        questions = Self.questions(source, methods.first)
        problemsFound = notes
    }

    private static func records(_ folder: FilePath) throws -> [SampleRecord] {
        let path = folder.appending("\(EvaluateStage.journalName).jsonl")
        return try Journal.read(path).map { line in
            guard let record = SampleRecord(line.value) else {
                throw DamagedFileError(path, "the record of \(line.key) isn't the result of a problem.")
            }
            return record
        }
    }

    /// The problems that were decoded, by id; empty where the data set isn't there.
    private static func questions(_ source: ReportSource, _ method: Method?) -> [String: ReportQuestion] {
        guard let recipe = method?.item.artifact?.record.recipe,
            let reference = recipe["inputs"]?["data"]?.string,
            let data = source.contents[String(reference.prefix(64))]?.artifact
        else { return [:] }
        return ReportQuestion.all(in: data.folder)
    }

    /// The place of a stage among ``methods``.
    func index(of item: RunContents.Item) -> Int? {
        methods.firstIndex { $0.item.entry.fingerprint == item.entry.fingerprint }
    }

    func prompt(_ id: String) -> String { questions[id]?.text ?? "not in the store" }
    func answer(_ id: String) -> String { questions[id]?.answer ?? "not in the store" }

    /// The first `count` problems with the records of all methods, as the page's script reads them.
    ///
    /// Texts that several methods gave are held once.
    func value(first count: Int) -> JSONValue {
        let range = 0..<min(count, ids.count)
        var texts: [[String]] = []
        var places: [[Int]] = methods.map { _ in [] }
        for p in range {
            var own: [String] = []
            for (m, method) in methods.enumerated() {
                let text = method.records[p].text
                let place = own.firstIndex(of: text) ?? own.count
                if place == own.count { own.append(text) }
                places[m].append(place)
            }
            texts.append(own)
        }
        func column(_ value: (SampleRecord) -> Int) -> JSONValue {
            .array(methods.map { .array($0.records[range].map { .integer(value($0)) }) })
        }
        func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
        return [
            "methods": .array(
                methods.map { method in
                    [
                        "name": .string(method.name), "setting": .string(method.setting),
                        "stage": .string(method.item.entry.stage),
                        "file": .string("\(source.place(method.item))/\(EvaluateStage.journalName).jsonl"),
                        "command": .string(source.command(method.item)),
                    ]
                }),
            "ids": strings(Array(ids[range])), "prompts": strings(ids[range].map(prompt)),
            "answers": strings(ids[range].map(answer)), "texts": .array(texts.map(strings)),
            "text": .array(places.map { .array($0.map { .integer($0) }) }),
            // "-" where nothing grades the answer.
            "right": strings(
                methods.map { String($0.records[range].map { $0.isGraded ? $0.correct ? "1" : "0" : "-" }) }),
            "nfe": column(\.nfe), "tokens": column(\.tokensBeforeEnd), "inputs": column(\.tokensForwarded),
        ]
    }
}
