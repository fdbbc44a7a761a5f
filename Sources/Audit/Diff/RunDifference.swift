package import ArtifactStore
internal import Base
package import JSON
package import Recipes
import Runs

/// In what two runs of an experiment differ, and why.
package struct RunDifference: Sendable {
    /// A stage that both runs have and that didn't give the same.
    package struct StageEntry: Sendable {
        /// The stage's full name.
        package let stage: String
        /// Why, as phrases; never empty.
        package let reasons: [String]
        /// The metrics that differ, old → new.
        package let numbers: [ValueDifference]
        /// The files that differ, or that only one artifact has.
        package let files: [String]
        /// Whether files and metrics are the same although the recipes aren't.
        package var hasSameContent: Bool { numbers.isEmpty && files.isEmpty }
        /// Whether nothing that is recorded explains it.
        package let isUnexplained: Bool
    }

    /// The runs' addresses in their stores.
    package let old: String
    package let new: String
    /// What the runs' records say of program, machine, environment and command line, where they differ.
    package let circumstances: [ValueDifference]
    package let stages: [StageEntry]
    /// How many stages are the same in both.
    package let sameCount: Int
    package let onlyOld: [String]
    package let onlyNew: [String]
    /// Stages of which an artifact isn't in its store any more, with the reason.
    package let missing: [(stage: String, reason: String)]

    /// Whether the runs made the same of the same stages.
    package var isSame: Bool { stages.isEmpty && onlyOld.isEmpty && onlyNew.isEmpty && missing.isEmpty }
}

extension RunDifference {
    /// The same as one JSON object.
    package var json: JSONValue {
        [
            "old": .string(old), "new": .string(new), "same": .bool(isSame),
            "sameStages": .integer(sameCount),
            "circumstances": .array(circumstances.map(\.json)),
            "stages": .array(
                stages.map { entry in
                    [
                        "stage": .string(entry.stage),
                        "reasons": .array(entry.reasons.map(JSONValue.string)),
                        "explained": .bool(!entry.isUnexplained),
                        "numbers": .array(entry.numbers.map(\.json)),
                        "files": .array(entry.files.map(JSONValue.string)),
                    ]
                }),
            "onlyOld": .array(onlyOld.map(JSONValue.string)),
            "onlyNew": .array(onlyNew.map(JSONValue.string)),
            "missing": .array(
                missing.map { ["stage": .string($0.stage), "reason": .string($0.reason)] }),
        ]
    }
}

extension ValueDifference {
    /// The values as JSON texts.
    var json: JSONValue { ["path": .string(path), "old": .text(old), "new": .text(new)] }
}

extension RunDifference {
    /// More numbers or files of one stage than this are told by the JSON form.
    private static let limit = 8

    /// The same for people.
    package var text: String {
        var text = "\(old.visible)\n\(new.visible)\n"
        if circumstances.isEmpty {
            text += "\nProgram, machine, environment and command line are the same.\n"
        } else {
            text += "\nOf the runs themselves differs, old → new:\n"
            text += circumstances.map { "  \("\($0)".visible)\n" }.joined()
        }
        for entry in stages { text += Self.text(entry) }
        for (stage, reason) in missing {
            text += "\n\(stage.visible): can't be compared, \(reason.visible)\n"
        }
        if !onlyOld.isEmpty {
            text += "\nOnly in the first: \(onlyOld.map(\.visible).joined(separator: ", "))\n"
        }
        if !onlyNew.isEmpty {
            text += "\nOnly in the second: \(onlyNew.map(\.visible).joined(separator: ", "))\n"
        }
        return text + "\n\(summary)\n"
    }

    private static func text(_ entry: StageEntry) -> String {
        var text =
            "\n\(entry.stage.visible)\(entry.hasSameContent ? ": the same files and numbers from another recipe" : "")\n"
        text += entry.reasons.map { "  because \("\($0)".visible)\n" }.joined()
        text += entry.numbers.prefix(limit).map { "    \("\($0)".visible)\n" }.joined()
        if entry.numbers.count > limit { text += "    and \(entry.numbers.count - limit) more\n" }
        if entry.numbers.isEmpty, !entry.files.isEmpty {
            let more = entry.files.count - limit
            text +=
                "    files: \(entry.files.prefix(limit).map(\.visible).joined(separator: ", "))\(more > 0 ? " and \(more) more" : "")\n"
        }
        return text
    }

    private var summary: String {
        guard !isSame else {
            return
                "The runs are the same: \(Readable.stages(sameCount)), same recipes, same files, same numbers."
        }
        var parts = [
            "\(Readable.stages(sameCount)) the same", "\(stages.count { !$0.hasSameContent }) differ",
        ]
        let renamed = stages.count { $0.hasSameContent }
        if renamed > 0 { parts.append("\(renamed) gave the same from another recipe") }
        let unexplained = stages.count { $0.isUnexplained }
        if unexplained > 0 { parts.append("\(unexplained) of them for no recorded reason") }
        return parts.joined(separator: ", ") + "."
    }
}

extension RunDifference {
    /// Compares two runs, whose stores may differ.
    ///
    /// Artifacts are compared by what their records say of files and metrics; whether that is true is for
    /// ``Verifier`` to find out.
    ///
    /// - Throws: `StoreError` for an artifact of a newer version; `FileError`.
    package init(_ old: RunLocation, _ new: RunLocation) throws {
        let explainer = DifferenceExplainer(old.store, new.store)
        var entries: [StageEntry] = []
        var missing: [(stage: String, reason: String)] = []
        var sameCount = 0
        for stage in new.record.stages {
            guard let before = old.record[stage.stage] else { continue }
            guard let a = Self.artifact(before, old.store), let b = Self.artifact(stage, new.store) else {
                missing.append((stage.stage, Self.absence(before, stage)))
                continue
            }
            if let entry = explainer.entry(stage.stage, a, b) {
                entries.append(entry)
            } else {
                sameCount += 1
            }
        }
        let names = (old: Set(old.record.stages.map(\.stage)), new: Set(new.record.stages.map(\.stage)))
        self.init(
            old: old.address, new: new.address,
            circumstances: ValueDifference.between(old.record.circumstances, new.record.circumstances)
                .map(\.shortened),
            stages: entries, sameCount: sameCount,
            onlyOld: old.record.stages.map(\.stage).filter { !names.new.contains($0) },
            onlyNew: new.record.stages.map(\.stage).filter { !names.old.contains($0) }, missing: missing)
    }

    private static func absence(_ old: RunRecord.Entry, _ new: RunRecord.Entry) -> String {
        switch (old.isThere, new.isThere) {
        case (false, false): "neither run made it"
        case (false, true): "the first run didn't make it"
        case (true, false): "the second run didn't make it"
        case (true, true): "an artifact isn't whole in its store any more"
        }
    }

    private static func artifact(_ entry: RunRecord.Entry, _ store: Store) -> Artifact? {
        entry.isThere ? try? store.artifact(of: entry) : nil
    }
}

extension RunRecord.Entry {
    /// Whether the run left an artifact of it.
    var isThere: Bool { status == .made || status == .cached }
}

extension RunRecord {
    /// What isn't part of any recipe but may show in numbers.
    fileprivate var circumstances: JSONValue {
        var source: JSONObject = [
            "file": .text(config?.file),
            "overrides": .array((config?.overrides ?? []).map(JSONValue.string)),
        ]
        if let groups = config?.groups, !groups.members.isEmpty { source["groups"] = .object(groups) }
        return [
            "code": code, "machine": machine,
            "environment": .object(
                JSONObject(environment.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
            "config": .object(source),
        ]
    }
}

extension ValueDifference {
    /// Hashes cut to what tells them apart.
    var shortened: ValueDifference {
        func short(_ text: String?) -> String? {
            guard let text, text.utf8.count > 40,
                text.unicodeScalars.dropFirst().dropLast().allSatisfy(\.properties.isASCIIHexDigit)
            else {
                return text
            }
            return String(text.dropFirst().prefix(12)) + "…"
        }
        return ValueDifference(path: path, old: short(old), new: short(new))
    }
}

/// Finds what two artifacts of one stage differ in, and what in their records explains it.
struct DifferenceExplainer {
    private let tracer: ChangeTracer

    init(_ old: Store, _ new: Store) {
        let (before, after) = (StoreCatalog(old), StoreCatalog(new))
        tracer = ChangeTracer(before: { before.maker(of: $0) }, after: { after.maker(of: $0) })
    }

    /// Nil when the artifacts are the same.
    func entry(_ stage: String, _ old: Artifact, _ new: Artifact) -> RunDifference.StageEntry? {
        let (a, b) = (old.record, new.record)
        let numbers = ValueDifference.between(a.metrics, b.metrics)
        let files = Self.files(a, b)
        let changes = tracer.changes(RecipeDifference.between(a.recipe, b.recipe))
        guard !numbers.isEmpty || !files.isEmpty || !changes.isEmpty else { return nil }
        var reasons = changes.isEmpty ? [] : ["\(ChangeSummary(changes))"]
        if !numbers.isEmpty || !files.isEmpty {
            reasons += Self.inputReasons(a, b, sameRecipe: changes.isEmpty)
            for (what, old, new) in [("program", a.code, b.code), ("machine", a.machine, b.machine)] {
                reasons += Self.circumstances(what, old, new, isSecondary: !changes.isEmpty)
            }
        }
        let isUnexplained = reasons.isEmpty
        if isUnexplained {
            reasons = [
                "nothing that is recorded differs: the stage isn't deterministic (d3llm determinism), or a file was changed (d3llm verify)"
            ]
        }
        return RunDifference.StageEntry(
            stage: stage, reasons: reasons, numbers: numbers, files: files, isUnexplained: isUnexplained)
    }

    private static func files(_ a: ArtifactRecord, _ b: ArtifactRecord) -> [String] {
        let old = Dictionary(a.files.map { ($0.path, $0.sha256) }, uniquingKeysWith: { first, _ in first })
        let new = Dictionary(b.files.map { ($0.path, $0.sha256) }, uniquingKeysWith: { first, _ in first })
        return Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }.sorted()
    }

    /// Inputs of the same recipe that held something else.
    private static func inputReasons(_ a: ArtifactRecord, _ b: ArtifactRecord, sameRecipe: Bool) -> [String] {
        guard sameRecipe, let old = a.inputList, let new = b.inputList, old.count == new.count else {
            return []
        }
        let changed = zip(old, new).filter {
            $0.content != nil && $1.content != nil && $0.content != $1.content
        }
        var keys: [String] = []
        for (_, input) in changed where !keys.contains(input.key) { keys.append(input.key) }
        guard !keys.isEmpty else { return [] }
        return [
            "\(keys.count == 1 ? "its input" : "its inputs") \(keys.joined(separator: ", ")) had other files or numbers"
        ]
    }

    /// - Parameter isSecondary: Whether the recipe explains the difference, so that this is only another suspicion.
    private static func circumstances(
        _ what: String, _ old: JSONValue, _ new: JSONValue, isSecondary: Bool
    ) -> [String] {
        // How much memory there was doesn't show in numbers.
        let differences = ValueDifference.between(old, new).filter { $0.path != "memoryBytes" }
        guard !differences.isEmpty else { return [] }
        let fields = differences.map { isSecondary ? $0.path : $0.shortened.description }
        return [
            "the \(what) was another\(isSecondary ? " too, which may matter" : ""): \(fields.joined(separator: ", "))"
        ]
    }
}
