package import JSON
import Recipes

extension DeterminismReport {
    /// A table for people: stage, kind, what was measured, times; below it the files that differ.
    package static func table(_ reports: [DeterminismReport]) -> String {
        let head = ["stage", "kind", "measured", "files", "1 thread", "again", "many", "in the store"]
        let rows = reports.map { report -> [String] in
            let times = report.runs.map { Readable.duration($0.seconds) }
            let many = report.runs.last.map { "\(Readable.duration($0.seconds)) (\($0.threads))" }
            return [
                report.stage, report.kind, report.measured.rawValue, "\(report.files)", times.first ?? "",
                times.dropFirst().first ?? "", many ?? "",
                report.sameAsStored.map { $0 ? "the same" : "another" } ?? "none",
            ]
        }
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            let padded = zip(cells, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed()) + "\n"
        }
        return ([head] + rows).map(line).joined() + reports.map(\.details).joined()
    }

    private var details: String {
        differences.map { difference in
            let size = difference.largest.map { ", by at most \($0)" } ?? ""
            let when = difference.differsAtOnce ? "from run to run" : "with the number of threads"
            return "\n\(stage): \(difference.file) differs \(when)\(size)"
        }.joined() + (differences.isEmpty ? "" : "\n")
    }

    /// As the record in the store has it, without machine and code.
    package var json: JSONValue {
        [
            "stage": .string(stage), "kind": .string(kind), "fingerprint": .string(fingerprint),
            "measured": .string(measured.rawValue), "files": .integer(files),
            "runs": .array(
                runs.map { ["threads": .integer($0.threads), "seconds": .number($0.seconds)] }),
            "differences": .array(
                differences.map {
                    [
                        "file": .string($0.file), "withOneThread": .bool($0.differsAtOnce),
                        "largest": $0.largest.map(JSONValue.number) ?? .null,
                    ]
                }),
            "sameAsStored": sameAsStored.map(JSONValue.bool) ?? .null,
        ]
    }
}
