import Files
import JSON
import Measures
import TestSupport
import Testing

/// The released leaderboards and hand-made curves, with the areas that the released code computes.
private struct AUPFixture {
    let root: JSONNode
    let tolerance: Double

    init() throws {
        let path = Fixtures.path("golden/aup.json")
        root = try JSONDocument(parsing: FileSystem.read(path), name: "aup.json").root
        tolerance = try #require(root["tolerance"]?.double)
    }
}

struct AUPTests {
    private let fixture: AUPFixture

    init() throws { fixture = try AUPFixture() }

    @Test func weightsMatchUpstream() throws {
        for entry in try #require(fixture.root["weights"]?.array) {
            let number = { (key: String) in try #require(entry[key]?.double) }
            let weight = AUP.weight(try number("y"), yMax: try number("y_max"), alpha: try number("alpha"))
            #expect(abs(weight - (try number("w"))) <= fixture.tolerance)
        }
    }

    @Test func curvesMatchUpstream() throws {
        let curves = try #require(fixture.root["curves"]?.array)
        #expect(curves.count >= 20)
        for curve in curves {
            let name = try #require(curve["name"]?.string)
            let area = { () throws(AUPError) -> Double in
                try AUP.area(
                    tpf: curve["rho"]?.array?.compactMap(\.double) ?? [],
                    accuracy: curve["y"]?.array?.compactMap(\.double) ?? [],
                    yMax: curve["y_max"]?.double ?? .nan, alpha: curve["alpha"]?.double ?? 3,
                    offset: curve["y_min_offset"]?.double ?? 5)
            }
            if let expected = curve["expected"]?["aup"]?.double {
                #expect(abs(try area() - expected) <= fixture.tolerance, "\(name)")
            } else {
                #expect(throws: AUPError.self, "\(name)") { try area() }
            }
        }
    }

    @Test func leaderboardsMatchUpstream() throws {
        for board in try leaderboards() {
            for task in board {
                let best = task.methods.flatMap { $0.points.map(\.1) }.max()
                #expect(best == task.yMax)
                for method in task.methods {
                    let area = try AUP.area(
                        tpf: method.points.map(\.0), accuracy: method.points.map(\.1), yMax: task.yMax)
                    #expect(abs(area - method.area) <= fixture.tolerance, "\(task.name) \(method.name)")
                }
            }
        }
    }

    @Test func averageMatchesUpstream() throws {
        let areas = try areasByMethod()
        let averages = try #require(fixture.root["average"]?.array)
        #expect(averages.count == areas.count)
        for entry in averages {
            let method = try #require(entry["method"]?.string)
            let expected = try #require(entry["avg"]?.double)
            let average = try #require(LeaderboardAverage.upstream(areas[method] ?? []))
            #expect(abs(average - expected) <= fixture.tolerance, "\(method)")
        }
    }

    @Test func intendedAverageLeavesPlusTasksOutAndDividesByTheRest() throws {
        let areas = [
            (task: "HumanEval", area: 10.0), (task: "HumanEval+", area: 90.0), (task: "MBPP", area: 30.0),
        ]
        #expect(LeaderboardAverage.intended(areas) == 20)
        #expect(LeaderboardAverage.upstream(areas) == 26)
        #expect(LeaderboardAverage.intended([(task: "MBPP+", area: 1)]) == nil)
    }

    @Test func paperModeDropsWhatUpstreamRefuses() throws {
        let (tpf, accuracy) = ([1.0, 2, 3], [70.0, 69, 64.9])
        #expect(throws: AUPError.accuracyFallsTooFar(first: 70, last: 64.9, offset: 5)) {
            try AUP.area(tpf: tpf, accuracy: accuracy, yMax: 71)
        }
        let area = try AUP.area(tpf: tpf, accuracy: accuracy, yMax: 71, mode: .paper)
        #expect(area == (try AUP.area(tpf: [1, 2], accuracy: [70, 69], yMax: 71)))
    }

    @Test func whatIsNoCurveIsRefused() {
        #expect(throws: AUPError.empty) { try AUP.area(tpf: [], accuracy: [], yMax: 0) }
        #expect(throws: AUPError.lengthMismatch(tpf: 1, accuracy: 0)) {
            try AUP.area(tpf: [1], accuracy: [], yMax: 1)
        }
        #expect(throws: AUPError.nonPositiveTPF(0)) { try AUP.area(tpf: [0], accuracy: [1], yMax: 1) }
        #expect(throws: AUPError.notFinite) { try AUP.area(tpf: [1], accuracy: [.nan], yMax: 1) }
        #expect(throws: AUPError.illegalBest(0)) { try AUP.area(tpf: [1], accuracy: [0], yMax: 0) }
    }

    private typealias Method = (name: String, points: [(Double, Double)], area: Double)
    private typealias LeaderboardTask = (name: String, yMax: Double, methods: [Method])

    private func leaderboards() throws -> [[LeaderboardTask]] {
        try #require(fixture.root["leaderboards"]?.array).map { board in
            let order = try #require(board["task_order"]?.array).compactMap(\.string)
            return try order.map { name in
                let task = try #require(board["tasks"]?[name])
                let methods = try #require(task["methods"]?.members).map { member -> Method in
                    let points = try #require(member.value["points"]?.array).map { point in
                        let numbers = (point.array ?? []).compactMap(\.double)
                        try #require(numbers.count == 2)
                        return (numbers[0], numbers[1])
                    }
                    return (member.key, points, try #require(member.value["aup"]?.double))
                }
                return (name, try #require(task["y_max"]?.double), methods)
            }
        }
    }

    private func areasByMethod() throws -> [String: [(task: String, area: Double)]] {
        var result: [String: [(task: String, area: Double)]] = [:]
        for task in try leaderboards().joined() {
            for method in task.methods {
                let area = try AUP.area(
                    tpf: method.points.map(\.0), accuracy: method.points.map(\.1), yMax: task.yMax)
                result[method.name, default: []].append((task.name, area))
            }
        }
        return result
    }
}
