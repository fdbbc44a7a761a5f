package import ArtifactStore
internal import Base
internal import Files
package import JSON
package import Recipes
internal import SystemPackage

/// The runs of a store, as their records tell them.
package struct RunHistory: Sendable {
    /// What became of a run.
    package enum State: String, Sendable {
        case finished, failed, interrupted
        /// There is no record: the run goes on, or it was killed.
        case unfinished
        /// There is a record that can't be read.
        case damaged
    }

    /// One run.
    package struct Run: Sendable {
        package let experiment: String
        /// The run's folder, such as `20261121T093000Z-1`.
        package let name: String
        package let state: State
        /// UTC, ISO 8601; as the folder's name says it where there is no record.
        package let started: String
        /// Nil where there is no record to be read, as all that follows.
        package let finished: String?
        /// How long the run took, in seconds.
        package let seconds: Double?
        /// How many stages it made, and how many it found.
        package let counts: Counts?
        /// Why the run failed or stopped, or why it can't be read.
        package let message: String?
        /// The whole configuration; null where the run has none.
        package let settings: JSONValue
        /// The settings that differ from those of the run before; nil for the first run.
        package let changes: [ValueDifference]?
        /// What the stages measured, as far as it was asked for.
        package let numbers: RunNumbers

        /// The run's address in its store.
        package var address: String { "\(experiment)/runs/\(name)" }
    }

    /// What became of a run's stages.
    package struct Counts: Sendable {
        package let made: Int
        package let cached: Int
    }

    package let store: Store
    /// By experiment, and in the order in which they began.
    package private(set) var runs: [Run]

    /// Reads the runs of a store.
    ///
    /// A run that can't be read is told as such; nothing is thrown for it.
    /// - Parameters:
    ///   - experiments: Whose runs, all experiments of the store by default.
    ///   - numbers: What to read of their artifacts.
    /// - Throws: ``UnknownRunError`` where the store has no runs.
    package init(
        _ store: Store, experiments: [String]? = nil, numbers: RunNumbers.Extent = .main
    ) throws {
        self.store = store
        let names = experiments ?? store.experimentsWithRuns()
        var reader = NumberReader(store)
        var runs: [Run] = []
        for experiment in names {
            var before: JSONValue?
            for name in store.runNames(of: experiment).map(\.name) {
                let run = Self.run(name, of: experiment, in: store, before: before, numbers, &reader)
                // A run that was killed before its configuration was written says nothing of what changed.
                if run.settings != .null { before = run.settings }
                runs.append(run)
            }
        }
        guard !runs.isEmpty else {
            throw experiments?.first.map { UnknownRunError($0, store) } ?? UnknownRunError(store)
        }
        self.runs = runs
    }

    /// Leaves the runs that a filter lets through; what changed stays what it was against the run before.
    package mutating func keep(_ filter: (Run) -> Bool) { runs = runs.filter(filter) }

    private static func run(
        _ name: String, of experiment: String, in store: Store, before: JSONValue?,
        _ extent: RunNumbers.Extent, _ reader: inout NumberReader
    ) -> Run {
        let folder = store.runsFolder(experiment).appending(name)
        let settings = settings(in: folder)
        func made(_ state: State, _ record: RunRecord?, _ message: String?, _ numbers: RunNumbers) -> Run {
            Run(
                experiment: experiment, name: name, state: state,
                started: record?.started ?? time(ofName: name), finished: record?.finished,
                seconds: record?.seconds,
                counts: record.map { record in
                    Counts(
                        made: record.stages.count { $0.status == .made },
                        cached: record.stages.count { $0.status == .cached })
                }, message: message, settings: settings,
                changes: before.map { settings == .null ? [] : Settings.differences($0, settings) },
                numbers: numbers)
        }
        guard FileSystem.exists(folder.appending(RunRecord.fileName)) else {
            return made(.unfinished, nil, nil, RunNumbers())
        }
        do {
            let record = try RunRecord.read(folder)
            let state: State =
                switch record.status {
                case .finished: .finished
                case .failed: .failed
                case .interrupted: .interrupted
                }
            return made(state, record, record.message, reader.numbers(of: record, extent))
        } catch {
            return made(.damaged, nil, "\(error)", RunNumbers())
        }
    }

    static func settings(in folder: FilePath) -> JSONValue {
        let path = folder.appending(RunRecord.experimentFileName)
        guard let bytes = try? FileSystem.read(path),
            let document = try? JSONDocument(parsing: bytes, name: path.string)
        else { return .null }
        return JSONValue(document.root)
    }

    /// `20261121T093000Z-1` as `2026-11-21T09:30:00Z`.
    static func time(ofName name: String) -> String {
        let digits = Array(name.utf8).map { String(decoding: [$0], as: UTF8.self) }
        guard digits.count > 15 else { return name }
        func part(_ range: Range<Int>) -> String { digits[range].joined() }
        return "\(part(0..<4))-\(part(4..<6))-\(part(6..<11)):\(part(11..<13)):\(part(13..<16))"
    }
}

/// The values of a configuration by their paths, as `--set` takes them.
enum Settings {
    /// All values: objects are opened up, lists are one value unless they hold objects.
    static func leaves(_ value: JSONValue) -> [(path: String, value: JSONValue)] {
        var found: [(path: String, value: JSONValue)] = []
        func visit(_ path: String, _ value: JSONValue) {
            switch value {
            case .object(let object) where !object.members.isEmpty:
                for member in object.members {
                    visit(path.isEmpty ? member.key : "\(path).\(member.key)", member.value)
                }
            case .array(let elements) where elements.contains { $0.object != nil }:
                for (index, element) in elements.enumerated() { visit("\(path)[\(index)]", element) }
            default: found.append((path, value))
            }
        }
        visit("", value)
        return found
    }

    /// The values that differ, in the order of the new configuration, then those that are gone.
    static func differences(_ old: JSONValue, _ new: JSONValue) -> [ValueDifference] {
        let before = leaves(old)
        let after = leaves(new)
        let values = Dictionary(before, uniquingKeysWith: { first, _ in first })
        let paths = Set(after.map(\.path))
        let changed = after.filter { isTold($0.path) && values[$0.path] != $0.value }.map {
            ValueDifference(path: $0.path, old: values[$0.path]?.shown, new: $0.value.shown)
        }
        let gone = before.filter { isTold($0.path) && !paths.contains($0.path) }.map {
            ValueDifference(path: $0.path, old: $0.value.shown, new: nil)
        }
        return changed + gone
    }

    /// What the experiment is about is no setting.
    static func isTold(_ path: String) -> Bool { path != "description" }
}

extension JSONValue {
    /// On one line; texts without quotes.
    var shown: String { string ?? oneLine }
}
