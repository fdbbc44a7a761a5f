import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Measures

/// Clustered intervals and variance components against numbers of SciPy, in `Tests/Fixtures/statistics/clusters.json`.
struct ClusteredMeasureTests {
    private let root: JSONNode

    init() throws {
        let path = Fixtures.path("statistics/clusters.json")
        root = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
    }

    private func number(_ key: String) throws -> Double { try #require(root[key]?.double) }

    private func list(_ key: String) throws -> [Double] {
        try #require(root[key]?.array).compactMap(\.double)
    }

    private func clusters(_ key: String) throws -> ClusteredMeasure {
        ClusteredMeasure(try #require(root[key]?.array).map { ($0.array ?? []).compactMap(\.double) })
    }

    @Test func intervalIsOverTeachers() throws {
        let measure = try clusters("clusters")
        #expect(abs(measure.mean - (try number("mean"))) < 1e-12)
        let (interval, expected) = (try #require(measure.interval()), try list("interval"))
        #expect(
            abs(interval.lowerBound - expected[0]) < 1e-9 && abs(interval.upperBound - expected[1]) < 1e-9)
        #expect(!measure.isOfOneTeacher)
    }

    @Test func componentsByTheMethodOfMoments() throws {
        let parts = try clusters("clusters").components(problems: try number("problems"))
        #expect(abs(try #require(parts.teachers).variance - (try number("teachers"))) < 1e-15)
        #expect(abs(try #require(parts.students).variance - (try number("students"))) < 1e-15)
        #expect(parts.problems == 0.0001 && parts.students?.isBelowZero == false)
    }

    @Test("an estimate below 0 is 0 and says so")
    func neverNegative() throws {
        #expect(try number("flatTeachers") < 0 && number("flatStudents") < 0)
        let parts = try clusters("flat").components(problems: 0.01)
        #expect(parts.teachers?.variance == 0 && parts.teachers?.isBelowZero == true)
        #expect(parts.students?.variance == 0 && parts.students?.isBelowZero == true)
        #expect(parts.students?.deviation == 0)
    }

    @Test func oneTeacherAndOneStudentEach() throws {
        let students = ClusteredMeasure([[1, 2, 3]])
        #expect(students.isOfOneTeacher && students.interval() == RepeatedMeasure([1, 2, 3]).interval)
        #expect(students.components().teachers == nil && students.components().students?.variance == 1)
        let teachers = ClusteredMeasure([[1], [2], [3]])
        #expect(teachers.interval() == RepeatedMeasure([1, 2, 3]).interval)
        #expect(teachers.components().students == nil && teachers.components().teachers?.variance == 1)
        #expect(ClusteredMeasure([[4]]).interval() == nil)
    }

    @Test func geometricMean() throws {
        let expected = try list("geometric")
        let found = RepeatedMeasure(try list("speeds")).geometric()
        #expect(abs(found.value - expected[0]) < 1e-9)
        #expect(abs(try #require(found.interval).lowerBound - expected[1]) < 1e-9)
        #expect(abs(try #require(found.interval).upperBound - expected[2]) < 1e-9)
        // Student's plain interval of these would begin at −3.
        #expect(try #require(RepeatedMeasure([1, 2]).interval).lowerBound < 0)
        #expect(try #require(RepeatedMeasure([1, 2]).geometric().interval).lowerBound > 0)
        #expect(RepeatedMeasure([0, 2]).geometric() == Measurement(1))
    }

    @Test("the interval of a mean accuracy stays between 0 and 100 and holds the mean")
    func accuracies() {
        for accuracies in [
            [98, 99.5, 100], [100, 100, 100], [0, 0], [50, 100], [0.5, 0, 0], [90, 90.2, 90.1],
        ] {
            let interval = WilsonInterval(repeats: accuracies, problems: 200 * accuracies.count)
            let mean = RepeatedMeasure(accuracies).mean
            #expect(interval.lower >= 0 && interval.upper <= 100, "\(accuracies)")
            #expect(interval.lower <= mean + 1e-9 && interval.upper >= mean - 1e-9, "\(accuracies)")
            #expect(interval.upper > interval.lower)
        }
        // Repeats that agree by chance aren't surer than their problems: Wilson's own is the least.
        let agreeing = WilsonInterval(repeats: [90, 90, 90], problems: 600)
        let wilson = WilsonInterval(correct: 540, count: 600)
        #expect(agreeing.lower < wilson.lower && agreeing.upper > wilson.upper)
    }

    @Test("half-widths and smallest effects of 2 to 16 repeats, by SciPy")
    func power() throws {
        let path = Fixtures.path("statistics/student.json")
        let rows = try #require(
            try JSONDocument(parsing: FileSystem.read(path), name: path.string).root["smallest"]?.array)
        #expect(rows.compactMap { $0["repeats"]?.int } == Power.table.map(\.repeats))
        for (row, power) in zip(rows, Power.table) {
            let (half, effect) = (try #require(row["halfWidth"]?.double), try #require(row["effect"]?.double))
            #expect(abs(power.halfWidth - half) < 1e-9 * half, "\(power.repeats)")
            #expect(
                abs(power.smallestEffect - effect) < 1e-5 * effect,
                "\(power.repeats): \(power.smallestEffect)")
        }
    }
}
