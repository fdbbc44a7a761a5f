import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Measures

/// Student's distribution against numbers of SciPy, in `Tests/Fixtures/statistics/student.json`.
struct StudentDistributionTests {
    private func rows(_ key: String) throws -> [JSONNode] {
        let path = Fixtures.path("statistics/student.json")
        let rows = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root[key]?.array ?? []
        return try #require(rows.isEmpty ? nil : rows)
    }

    private func close(_ value: Double, _ expected: Double, _ tolerance: Double = 1e-9) -> Bool {
        abs(value - expected) <= tolerance * max(1, abs(expected))
    }

    @Test func quantiles() throws {
        for row in try rows("quantiles") {
            let freedom = try #require(row["freedom"]?.int)
            let confidence = try #require(row["confidence"]?.double)
            let found = StudentDistribution(freedom: freedom).quantile(confidence: confidence)
            #expect(
                close(found, try #require(row["quantile"]?.double)), "\(freedom), \(confidence): \(found)")
        }
        #expect(StudentDistribution(freedom: 3).quantile(confidence: 0) < 1e-9)
    }

    @Test func power() throws {
        for row in try rows("powers") {
            let freedom = try #require(row["freedom"]?.int)
            let shift = try #require(row["shift"]?.double)
            let found = StudentDistribution(freedom: freedom).power(
                bound: try #require(row["bound"]?.double), shift: shift)
            #expect(close(found, try #require(row["power"]?.double), 1e-6), "\(freedom), \(shift): \(found)")
        }
    }

    @Test func normalDistribution() throws {
        for row in try rows("normal") {
            let expected = try #require(row["probability"]?.double)
            let found = SpecialFunctions.normal(try #require(row["z"]?.double))
            #expect(abs(found - expected) <= 1e-13 * expected + 1e-300, "\(found) for \(expected)")
        }
    }
}
