internal import ArtifactStore
internal import Base
internal import JSON
internal import Runs

/// What a run measured, by stage and name.
package struct RunNumbers: Sendable {
    /// What is read of a run's artifacts.
    package enum Extent: Sendable {
        /// Of the last table, or of the evaluations where there is none.
        case main
        /// Of all stages.
        case all
    }

    /// A number, or the verdict of a claim.
    package enum Value: Sendable, Hashable {
        /// With the interval that its stage gives, if it gives one.
        case number(Double, lower: Double?, upper: Double?)
        case text(String)
    }

    /// One of them.
    package struct Entry: Sendable, Hashable {
        /// Such as "table.d3LLM.aup" or "d3llm[threshold=0.5].accuracy".
        package let name: String
        package let value: Value
        /// Whether it is what people look at first: areas, accuracies, speeds, verdicts.
        package let isMain: Bool
    }

    /// In the order of the stages.
    package private(set) var entries: [Entry] = []
    /// One line on the last table, or on the last stage where there is none.
    package internal(set) var summary: String?

    /// Numbers that are there under a name.
    package subscript(name: String) -> Value? { entries.first { $0.name == name }?.value }

    /// Adds the metrics of an artifact.
    mutating func add(_ record: ArtifactRecord) {
        func visit(_ path: [String], _ value: JSONValue, _ siblings: JSONObject?) {
            switch value {
            case .object(let object):
                for member in object.members where !member.key.byteText.hasSuffix(Self.intervalSuffix) {
                    // All that a table measures is of its methods.
                    let isPlain = member.key == "methods" && path.count == 1
                    visit(isPlain ? path : path + [member.key], member.value, object)
                }
            case .string(let text): append(path, .text(text))
            default:
                guard let number = value.double, let key = path.last else { return }
                let bounds = siblings?[key + Self.intervalSuffix]?.array?.compactMap(\.double)
                let isPair = bounds?.count == 2
                append(
                    path,
                    .number(
                        number, lower: isPair ? bounds?.first : nil, upper: isPair ? bounds?.last : nil))
            }
        }
        func append(_ path: [String], _ value: Value) {
            let isMain = Self.isMain(path, value, ofTable: record.report != nil)
            entries.append(Entry(name: path.joined(separator: "."), value: value, isMain: isMain))
        }
        visit([record.stage], record.metrics, nil)
    }

    private static let intervalSuffix = "Interval"

    private static func isMain(_ path: [String], _ value: Value, ofTable: Bool) -> Bool {
        guard case .number = value else { return path.count == 3 && path[1] == "claims" }
        return ofTable
            ? path.count == 3 && path[2] == "aup" : path.count == 2 && ["accuracy", "tpf"].contains(path[1])
    }
}

/// Reads the numbers of artifacts, each of them once however many runs have it.
struct NumberReader {
    private let store: Store
    /// By fingerprint; nil for an artifact that isn't there or isn't whole.
    private var known: [String: ArtifactRecord?] = [:]

    init(_ store: Store) { self.store = store }

    mutating func numbers(of run: RunRecord, _ extent: RunNumbers.Extent) -> RunNumbers {
        var numbers = RunNumbers()
        var records: [ArtifactRecord] = []
        for entry in run.stages.reversed() {
            guard let record = record(of: entry) else { continue }
            records.append(record)
            if record.report != nil, numbers.summary == nil {
                numbers.summary = record.summary
                if extent == .main {
                    records = [record]
                    break
                }
            }
        }
        if numbers.summary == nil { numbers.summary = records.first?.summary }
        for record in records.reversed() { numbers.add(record) }
        return numbers
    }

    private mutating func record(of entry: RunRecord.Entry) -> ArtifactRecord? {
        guard entry.status == .made || entry.status == .cached else { return nil }
        if let known = known[entry.fingerprint] { return known }
        let record = (try? store.artifact(of: entry))??.record
        known[entry.fingerprint] = .some(record)
        return record
    }
}
