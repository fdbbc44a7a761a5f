internal import Documents
internal import Evaluation
internal import JSON

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
