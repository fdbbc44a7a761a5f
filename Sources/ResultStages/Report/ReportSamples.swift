internal import ArtifactStore
internal import Audit
internal import Base
internal import DataStages
internal import DecodingStages
internal import Evaluation
internal import Files
internal import JSON
internal import Measures
internal import Recipes
internal import Reporting
internal import StageBasics
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

/// A problem as a report shows it.
struct ReportQuestion {
    let text: String
    let answer: String

    /// The problems of a data set or a benchmark by id; empty where they can't be read.
    static func all(in folder: FilePath) -> [String: ReportQuestion] {
        let items = (try? DataSet(folder, name: "\(folder)").items(.test)) ?? []
        let named = items.map { ($0.id, ReportQuestion(text: $0.question, answer: $0.answer)) }
        return Dictionary(named, uniquingKeysWith: { first, _ in first })
    }
}

extension ReportSamples {
    /// The controls and the place of the samples; a script fills them.
    ///
    /// - Parameter shown: How many problems are in the page.
    func section(shown: Int) -> ReportSection {
        ReportSection("samples", "Samples") {
            HTML.paragraph(summary(shown: shown))
            for note in problemsFound { HTML.paragraph(note) }
            if !methods.isEmpty {
                ReportTable(
                    caption: "What of each method is here",
                    columns: [
                        .init("Method"), .init("Setting"), .init("Right", isNumeric: true),
                        .init("Of", isNumeric: true), .init("Stage"),
                    ],
                    rows: methods.map { method in
                        .init([
                            .text(method.name), .text(method.setting),
                            .text("\(method.records.count { $0.isGraded && $0.correct })"),
                            .text("\(method.records.count(where: \.isGraded))"),
                            .element(.code, text: method.item.entry.stage),
                        ])
                    },
                    notes: [
                        isGraded
                            ? "Of all problems, those that settings were chosen on among them."
                            : "Of the problems whose answers something grades: of \(methods[0].records.count(where: \.isGraded)) of \(ids.count)."
                    ]
                ).html
                HTML.element(.noscript) {
                    HTML.paragraph("To search the samples, allow the page's own scripts.")
                }
                panel
            }
        }
    }

    /// Whether something grades the answers to all problems.
    private var isGraded: Bool { methods.allSatisfy { $0.records.allSatisfy(\.isGraded) } }

    private func summary(shown: Int) -> String {
        guard !methods.isEmpty else { return "This run has no samples that could be shown." }
        let all = ids.count
        let samples = ReportText.count(shown * methods.count, "sample")
        let which =
            shown == all
            ? "all \(ReportText.count(all, "problem")) of the test part"
            : "the first \(shown) of \(ReportText.count(all, "problem")), as many as fit into a page of limited size; the files named below have all"
        return
            "\(samples): \(ReportText.count(methods.count, "method")), each at the setting that stands for it, on \(which)."
    }

    private var panel: HTML {
        .element(.div, .id("samples-panel"), .hidden) {
            HTML.element(.div, .class("controls"), .role("group"), .aria("label", "Which samples")) {
                choice("method", "Method", [("all", "all")])
                choice(
                    "verdict", "Answer",
                    [("all", isGraded ? "right or wrong" : "all"), ("right", "right"), ("wrong", "wrong")]
                        + (isGraded ? [] : [("not graded", "not graded")]))
                choice(
                    "sort", "Order",
                    [
                        ("problem", "by problem"), ("fewest", "fewest forwards first"),
                        ("most", "most forwards first"),
                    ])
                HTML.element(.label) {
                    HTML.text("Search")
                    HTML.element(.input, .id("samples-search"), .type("search"))
                }
            }
            HTML.element(.output, .id("samples-count"), .class("count"), .aria("live", "polite"))
            HTML.element(.div, .class("scroll"), .tabindex(0), .role("region"), .aria("label", "Samples")) {
                HTML.element(.table, .id("sample-rows")) {
                    HTML.element(.caption, text: "Samples")
                    HTML.element(.thead) {
                        HTML.element(.tr) {
                            for (name, style) in [
                                ("Problem", "narrow"), ("Method", "medium"), ("Answer", "narrow"),
                                ("NFE", "narrow number"), ("Tokens", "narrow number"), ("Text", ""),
                            ] {
                                HTML.element(.th, [.scope("col"), .class(style)], [.text(name)])
                            }
                        }
                    }
                    HTML.element(.tbody)
                }
            }
            HTML.element(
                .button, .id("samples-more"), .type("button"), .class("screen"), text: "Show 25 more")
        }
    }

    private func choice(_ name: String, _ label: String, _ options: [(String, String)]) -> HTML {
        .element(.label) {
            HTML.text(label)
            HTML.element(
                .select, [.id("samples-\(name)")],
                options.map { .element(.option, .value($0.0), text: $0.1) })
        }
    }
}

/// The run that a report is about: its artifacts by type, and how things of it are named.
struct ReportSource {
    let contents: RunContents

    var run: RunRecord { contents.location.record }

    /// The stages with an artifact of this type, in the order of the run.
    func items(_ type: ArtifactType) -> [RunContents.Item] {
        contents.items.filter { $0.artifact.map { type.isCalled($0.record.type) } ?? false }
    }

    /// Where an artifact is, relative to the store.
    func place(_ item: RunContents.Item) -> String {
        guard var folder = item.artifact?.folder, folder.removePrefix(contents.location.store.root) else {
            return item.entry.artifact.string
        }
        return folder.string
    }

    /// What makes a stage again, as a shell command.
    func command(_ item: RunContents.Item) -> String {
        "d3llm run \(configuration) --only \(ShellWord.quoted(item.entry.stage))"
    }

    /// The configuration with its changes, as arguments.
    var configuration: String {
        guard let config = run.config else {
            // Records of format 1 don't say more than the command line did.
            let given = run.arguments.drop { $0 != "run" }.dropFirst()
            let file = given.first { !$0.byteText.hasPrefix("-") } ?? "CONFIGURATION"
            let sets = zip(given, given.dropFirst()).filter { $0.0 == "--set" }.map(\.1)
            return ShellWord.quoted(FilePath(file).lastComponent?.string == file ? file : Self.relative(file))
                + sets.map { " --set \(ShellWord.quoted($0))" }.joined()
        }
        return ShellWord.quoted(config.file)
            + config.overrides.map { " --set \(ShellWord.quoted($0))" }.joined()
    }

    /// A path without the folders of the machine.
    private static func relative(_ path: String) -> String {
        path.byteText.hasPrefix("/") ? "…/\(FilePath(path).lastComponent?.string ?? "")" : path
    }

    /// The seeds of the artifacts, rising: of what models and data were made with.
    var seeds: [Int] {
        let models = items(.model) + items(.dataset)
        return Set(models.compactMap { $0.artifact?.record.recipe["seed"]?.int }).sorted()
    }

    /// Parameters of the largest model that was trained from scratch; nil where none says it.
    var parameters: Int? { items(.model).compactMap { $0.artifact?.record.metrics["parameters"]?.int }.max() }
}
