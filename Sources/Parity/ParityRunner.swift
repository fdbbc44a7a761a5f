internal import Documents
internal import Evaluation
internal import Files
internal import JSON
internal import Measures
package import SystemPackage
internal import Transformers

/// Repeats every recorded case that a folder holds and says where results part.
package struct ParityRunner: Sendable {
    /// What became of each kind that the folder has, in the order of ``kinds``.
    package struct Outcome: Sendable, Hashable {
        package let results: [(name: String, tally: ParityTally)]

        /// Whether no case failed.
        package var hasPassed: Bool { results.allSatisfy { $0.tally.failures.isEmpty } }

        package static func == (a: Outcome, b: Outcome) -> Bool {
            a.results.elementsEqual(b.results) { $0 == $1 }
        }

        package func hash(into hasher: inout Hasher) {
            for (name, tally) in results {
                hasher.combine(name)
                hasher.combine(tally)
            }
        }
    }

    private let folder: FilePath
    private let models: [FilePath]

    /// - Parameters:
    ///   - folder: a folder of the layout described in `Tests/Fixtures/golden/README.md`.
    ///   - models: folders of models, for cases whose models aren't in `folder/models`.
    package init(_ folder: FilePath, models: [FilePath] = []) {
        self.folder = folder
        self.models = models
    }

    /// Runs every kind whose file is there.
    ///
    /// - Parameter report: called with each line of the report as soon as it is known: one per kind, and below
    ///   a kind that failed its first divergence, below one with near-ties their cases.
    /// - Throws: ``ParityError`` when the folder doesn't exist or has no file of any kind.
    package func run(_ report: (String) -> Void) throws -> Outcome {
        guard try FileSystem.status(folder)?.kind == .folder else {
            throw ParityError("\(folder) isn't a folder. Give the path of a folder of recorded cases.")
        }
        let contents = ParityFolder(folder, models: models)
        let present = Self.kinds.filter { contents.has($0.file) }
        guard !present.isEmpty else {
            let known = Set(Self.kinds.map(\.file)).sorted().joined(separator: ", ")
            throw ParityError("\(folder) has no file of recorded cases. Such files are \(known).")
        }
        var results: [(name: String, tally: ParityTally)] = []
        for kind in present {
            var tally = ParityTally()
            do {
                try kind.run(contents, &tally)
            } catch {
                tally.record("\(error)")
            }
            report("\(kind.name): \(tally.summary)")
            if let first = tally.failures.first { report("  first divergence: \(first)") }
            if !tally.nearTies.isEmpty {
                report(
                    "  near-ties: \(tally.nearTies.count), which agree once candidates within"
                        + " \(NearTies.width) of each other swap: \(tally.nearTies.joined(separator: ", "))")
            }
            results.append((kind.name, tally))
        }
        return Outcome(results: results)
    }
}

extension ParityRunner {
    /// Every kind of cases, in the order of the report; a kind that isn't in this list isn't run.
    package static let kinds: [any ParityKind] = [
        ForwardParity(family: "llada", part: .forward),
        ForwardParity(family: "llada", part: .cache),
        DecodeParity(family: "llada"),
        TraceParity(family: "llada"),
        LosslessParity(),
        TrajectoryParity(family: "llada"),
        LossParity(family: "llada", part: .loss),
        LossParity(family: "llada", part: .adamw),
        LossParity(family: "llada", part: .schedules),
        LossParity(family: "llada", part: .sft),
        LossParity(family: "llada", part: .lora),
        LossParity(family: "llada", part: .d2f),
        LossParity(family: "llada", part: .dparallel),
        ForwardParity(family: "dream", part: .forward),
        ForwardParity(family: "dream", part: .cache),
        DecodeParity(family: "dream"),
        TraceParity(family: "dream"),
        TrajectoryParity(family: "dream"),
        LossParity(family: "dream", part: .loss),
        LossParity(family: "dream", part: .adamw),
        LossParity(family: "dream", part: .schedules),
        LossParity(family: "dream", part: .dparallel),
        LossParity(family: "dream", part: .lora),
        LossParity(family: "dream", part: .d2f),
        ForwardParity(family: "llama", part: .forward),
        DecodeParity(family: "sglang"),
        TraceParity(family: "sglang"),
        DecodeParity(family: "tad"),
        TraceParity(family: "tad"),
        TemporalTrajectoryParity(),
        TemporalLossParity(),
        BlockForwardParity(isSDAR: false),
        BlockForwardParity(isSDAR: true),
        DecodeParity(family: "fdv2"),
        TraceParity(family: "fdv2"),
        DecodeParity(family: "nbdiff"),
        TraceParity(family: "nbdiff"),
        DecodeParity(family: "dllmvar"),
        TraceParity(family: "dllmvar"),
        DecodeParity(family: "sdar"),
        TraceParity(family: "sdar"),
        DecodeParity(family: "mbd"),
        TraceParity(family: "mbd"),
        BlockLossParity(part: .fdv2),
        BlockLossParity(part: .nbdiff),
        BlockLossParity(part: .dllmvar),
        BlockLossParity(part: .sdar),
        BlockLossParity(part: .mbd),
        DecodeParity(family: "jacobi"),
        JacobiTraceParity(),
        JacobiTrajectoryParity(),
        JacobiLossParity(),
        PolicyLossParity(),
        DecodeParity(family: "apd"),
        VerifiedTraceParity(),
        DecodeParity(family: "stitching"),
        SearchParity(),
        StitchingParity(),
        ResidualDecodeParity(),
        ResidualLossParity(),
        DraftParity(comparesTraces: false),
        DraftParity(comparesTraces: true),
        AUPParity(),
        GradingParity(),
        ProgramParity(),
        TokenizerParity(),
    ]
}

/// Recorded forward passes: logits and hidden states, or with `part` `cache` passes beside a key/value cache.
struct ForwardParity: ParityKind {
    enum Part: String {
        case forward
        case cache
    }

    let family: String
    let part: Part

    var name: String { "\(family)/\(part)" }
    var file: String { "forward_index.json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let index = try folder.cases(of: file)
        var count = 0
        for entry in try index.elements("files") {
            let model = try entry.string("model")
            guard try folder.family(ofModel: model) == family else { continue }
            let cases = try entry.elements("cases").filter {
                try GoldenForward.usesCache($0) == (part == .cache)
            }
            guard !cases.isEmpty else { continue }
            count += cases.count
            let golden = try GoldenForward(folder, entry, tolerance: index.node["tolerance"])
            for node in cases {
                let id = "\(model)/\(try node.string("name"))"
                do {
                    tally.record(try golden.failure(of: node).map { "\(id): \($0)" })
                } catch {
                    tally.record("\(id): \(error)")
                }
            }
        }
        if count == 0 { tally.skip("the file has no \(family) cases") }
    }
}

/// Recorded training losses of a family: noise, loss terms, gradients, optimiser steps, schedules.
struct LossParity: ParityKind {
    enum Part: String {
        /// d3LLM's noise process and loss with gradients.
        case loss
        /// Three clipped AdamW steps.
        case adamw
        /// Window, mask-ratio and state schedules.
        case schedules
        /// LLaDA's pretraining and SFT losses with gradients.
        case sft
        /// dParallel's certainty forcing with gradients.
        case dparallel = "dparallel-loss"
        /// Logits and gradients of a model with a LoRA adapter.
        case lora
        /// D2F's asymmetric distillation with LoRA gradients.
        case d2f = "d2f-loss"
    }

    let family: String
    let part: Part

    var name: String { "\(family)/\(part.rawValue)" }
    var file: String { "loss_\(family).json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let type: any ModelFamily.Type = family == "dream" ? DreamFamily.self : LLaDAFamily.self
        let golden = try GoldenLoss(folder, type, json: file, tensors: "loss_\(family).safetensors")
        let key = [
            .loss: "d3llm", .adamw: "adamw", .sft: "sft", .dparallel: "dparallel", .lora: "lora", .d2f: "d2f",
        ][part]
        if let key, golden.root.node[key] == nil { return tally.skip("the file has no such cases") }
        let results =
            switch part {
            case .loss: try golden.d3llm()
            case .adamw: try golden.adamW()
            case .schedules: try golden.schedules()
            case .sft: try golden.sft()
            case .dparallel: try golden.certaintyForcing()
            case .lora: try golden.lora()
            case .d2f: try golden.asymmetricDistillation()
            }
        for result in results { tally.record(result.failure.map { "\(result.id): \($0)" }) }
    }
}

/// Recorded losses of TAD's distillation with their gradients, of LLaDA and Dream models.
struct TemporalLossParity: ParityKind {
    let name = "tad/loss"
    let file = "loss_tad.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let families: [any ModelFamily.Type] = [LLaDAFamily.self, DreamFamily.self]
        for family in families {
            let golden = try GoldenLoss(folder, family, json: file, tensors: "loss_tad.safetensors")
            for result in try golden.temporalDistillation() {
                tally.record(result.failure.map { "\(result.id): \($0)" })
            }
        }
    }
}

/// Recorded programs that were taken out of responses with Python's parser.
struct ProgramParity: ParityKind {
    let name = "grading/programs"
    let file = "grading.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let cases = try cases(in: try folder.cases(of: file))
        guard !cases.isEmpty else { return tally.skip("the file has no programs") }
        guard let parser = PythonParser() else {
            return tally.skip("no python3 from 3.9 on in PATH to parse them with")
        }
        let results = try parser.sanitize(cases.map(\.request))
        for (recorded, result) in zip(cases, results) {
            let failure =
                recorded.longest?.divergence(result.longestValid)
                ?? recorded.program.divergence(result.program)
            tally.record(failure.map { "\(recorded.id): \($0) (Python \(parser.version))" })
        }
    }

    private struct Case {
        let id: String
        let request: PythonParser.Request
        let longest: RecordedResult?
        let program: RecordedResult
    }

    private func cases(in root: CaseNode) throws -> [Case] {
        var cases: [Case] = []
        for (index, node) in try (root["sanitize"]?.elements() ?? []).enumerated() {
            let entryPoint = node["entrypoint"] == nil ? nil : try node.string("entrypoint")
            cases.append(
                Case(
                    id: "sanitize \(index)",
                    request: .init(text: try node.string("text"), entryPoint: entryPoint),
                    longest: try RecordedResult("longest_valid", of: node),
                    program: try RecordedResult("sanitized", of: node)))
        }
        for (index, node) in try (root["humaneval_postprocess"]?.elements() ?? []).enumerated() {
            let text = CodeExtraction.humanEvalText(
                prompt: try node.string("prompt"), response: try node.string("response"))
            cases.append(
                Case(
                    id: "humaneval_postprocess \(index)",
                    request: .init(text: text, entryPoint: try node.string("entry_point")),
                    longest: nil, program: try RecordedResult("completion", of: node)))
        }
        for (index, node) in try (root["mbpp_postprocess"]?.elements() ?? []).enumerated() {
            cases.append(
                Case(
                    id: "mbpp_postprocess \(index)",
                    request: .init(text: CodeExtraction.program(in: try node.string("response"))),
                    longest: nil, program: try RecordedResult("completion", of: node)))
        }
        return cases
    }
}

/// Recorded areas under the curve of accuracy over parallelism: single curves, weights and whole leaderboards.
struct AUPParity: ParityKind {
    let name = "aup"
    let file = "aup.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let root = try folder.cases(of: file)
        let tolerance = try root.number("tolerance")
        for (i, node) in try root.elements("curves").enumerated() {
            let id = try "curve \(i) (\(node.string("name")))"
            tally.record(try curve(node, tolerance).map { "\(id): \($0)" })
        }
        for (i, node) in try root.elements("weights").enumerated() {
            let found = AUP.weight(
                try node.number("y"), yMax: try node.number("y_max"), alpha: try node.number("alpha"))
            let failure = Compare.number("the weight", found, try node.number("w"), absolute: tolerance)
            tally.record(failure.map { "weight \(i): \($0)" })
        }
        var areas: [String: [(task: String, area: Double)]] = [:]
        for board in try root.elements("leaderboards") { try leaderboard(board, tolerance, &areas, &tally) }
        for node in try root["average"]?.elements() ?? [] {
            let method = try node.string("method")
            let found = LeaderboardAverage.upstream(areas[method] ?? []) ?? .nan
            let failure = Compare.number("the average", found, try node.number("avg"), absolute: tolerance)
            tally.record(failure.map { "\(method): \($0)" })
        }
    }

    private func curve(_ node: CaseNode, _ tolerance: Double) throws -> String? {
        let expected = try node.member("expected")
        let area = Result {
            try AUP.area(
                tpf: try node.numbers("rho"), accuracy: try node.numbers("y"), yMax: try node.number("y_max"),
                alpha: node["alpha"] == nil ? 3 : try node.number("alpha"),
                offset: node["y_min_offset"] == nil ? 5 : try node.number("y_min_offset"))
        }
        switch (area, expected.node["aup"]?.double) {
        case (.success(let found), let value?):
            return Compare.number("the area", found, value, absolute: tolerance)
        case (.success(let found), nil): return "the area is \(found), expected an error"
        case (.failure(let error), nil): return error is AUPError ? nil : "\(error)"
        case (.failure(let error), let value?): return "expected \(value), found the error: \(error)"
        }
    }

    private func leaderboard(
        _ board: CaseNode, _ tolerance: Double, _ areas: inout [String: [(task: String, area: Double)]],
        _ tally: inout ParityTally
    ) throws {
        let file = try board.string("file")
        for task in try board.member("tasks").get("an object", { $0.members }) {
            let node = try board.member("tasks").member(task.key)
            let best = try node.number("y_max")
            for method in try node.member("methods").get("an object", { $0.members }) {
                let recorded = try node.member("methods").member(method.key)
                let points = try recorded.elements("points").map { point in
                    try point.elements().map { try $0.number() }
                }
                let id = "\(file), \(task.key), \(method.key)"
                guard points.allSatisfy({ $0.count == 2 }) else {
                    tally.record("\(id): a point needs two numbers")
                    continue
                }
                let area = try AUP.area(tpf: points.map { $0[0] }, accuracy: points.map { $0[1] }, yMax: best)
                areas[method.key, default: []].append((task.key, area))
                let failure = Compare.number(
                    "the area", area, try recorded.number("aup"), absolute: tolerance)
                tally.record(failure.map { "\(id): \($0)" })
            }
        }
    }
}
