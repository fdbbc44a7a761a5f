import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Published

/// The repository's own data.
enum Repository {
    static let root = Fixtures.path("").removingLastComponent().removingLastComponent()
    static let published = root.appending("configs").appending("published")

    static func tables() throws -> PublishedTables { try PublishedTables(folder: published) }
}

@Suite struct DataTests {
    /// Counts and digests that another program made from the collected rows before they were given keys.
    @Test func everyCollectedRowIsThereExactlyOnce() throws {
        let path = Fixtures.path("published/digests.json")
        let expected = try #require(
            JSONDocument(parsing: FileSystem.read(path), name: path.string).root.members)
        let tables = try Repository.tables().tables
        #expect(Set(tables.map(\.name)) == Set(expected.map(\.key)))
        for entry in expected {
            let table = try #require(tables.first { $0.name == entry.key })
            #expect(table.cellCount == entry.value["rows"]?.int, "\(entry.key)")
            #expect(table.digest == entry.value["sha256"]?.string, "\(entry.key)")
        }
        #expect(tables.reduce(0) { $0 + $1.cellCount } == 634)
    }

    @Test func everyCellHasASourceAndAResult() throws {
        for table in try Repository.tables().tables {
            #expect(!table.source.isEmpty && !table.sourceTable.isEmpty)
            for row in table.rows {
                for cell in row.cells.values where !table.metrics.isEmpty {
                    #expect(
                        table.metrics.contains { cell[$0] != nil }, "\(table.name), row \(row.key)")
                }
            }
        }
    }

    @Test func everyMetricHasATolerance() throws {
        let all = try Repository.tables()
        for table in all.tables {
            for metric in table.metrics { #expect(all.tolerances.metrics[metric] != nil, "\(metric)") }
        }
    }

    @Test func everyBenchmarkOfAnExperimentHasASize() throws {
        let all = try Repository.tables()
        for table in all.tables where table.experiment != nil {
            for row in table.rows {
                for column in table.columns {
                    guard let name = table.benchmark(row, column) else { continue }
                    #expect(all.tolerances.problems(of: name, in: table.name) != nil, "\(name)")
                }
            }
        }
    }

    @Test func everyExperimentIsAConfiguration() throws {
        for table in try Repository.tables().tables {
            guard let experiment = table.experiment else { continue }
            let file = Repository.root.appending("configs").pushing(FilePath("\(experiment).json"))
            #expect(FileSystem.exists(file), "\(table.name): \(file)")
        }
    }

    @Test func anUnknownTableIsAnsweredWithTheNearest() throws {
        let tables = try Repository.tables()
        #expect {
            try tables.table("d2f-tabel1")
        } throws: { error in
            "\(error)".contains("Did you mean \"d2f-table1\"?")
        }
    }

    @Test func aMissingFolderSaysWhatToDo() {
        #expect {
            try PublishedTables(folder: "/nonexistent/published")
        } throws: { error in
            "\(error)".contains("--published")
        }
    }
}
