import ArtifactStore
internal import Base
import Files
import JSON
import Recipes
import Runs
import SystemPackage

/// Checks that an artifact is what its `artifact.json` says, byte by byte.
struct ArtifactInspector {
    let folder: FilePath
    /// What it should be.
    let fingerprint: String

    /// What was found.
    struct Finding {
        /// Nil when it can't be read.
        var record: ArtifactRecord?
        /// Files that aren't there because they were left out of the bundle that the artifact came from.
        var leftOut: [ArtifactRecord.File] = []
        var problems: [String] = []
    }

    /// - Throws: `FileError` when the system can't tell what is there.
    func inspect() throws(FileError) -> Finding {
        var finding = Finding()
        guard let status = try FileSystem.status(folder, followingLinks: false) else {
            finding.problems.append("It isn't in the store: \(folder) isn't there.")
            return finding
        }
        guard status.kind == .folder else {
            finding.problems.append("\(folder) is no folder.")
            return finding
        }
        let record: ArtifactRecord
        do {
            let bytes = try FileSystem.read(folder.appending(ArtifactRecord.fileName))
            record = try ArtifactRecord(parsing: bytes)
        } catch let flaw as ArtifactRecord.Flaw {
            switch flaw {
            case .unreadable(let reason): finding.problems.append("\(folder): \(reason).")
            case .newerFormat(let format):
                finding.problems.append(
                    "\(folder): its artifact.json has format \(format), which this version of d3llm can't read."
                )
            }
            return finding
        } catch {
            finding.problems.append("\(folder): its artifact.json can't be read.")
            return finding
        }
        finding.record = record
        finding.problems = identityProblems(record)
        try inspectFiles(record, &finding)
        return finding
    }

    private func identityProblems(_ record: ArtifactRecord) -> [String] {
        var problems: [String] = []
        let own = (try? record.recipe.canonicalBytes()).map { SHA256.hex(of: $0) }
        if own != record.fingerprint {
            problems.append(
                "Its recipe has the fingerprint \(own.map { "\($0.prefix(12))…" } ?? "of nothing"), but its artifact.json says \(record.fingerprint.prefix(12))…."
            )
        }
        if record.fingerprint != fingerprint {
            problems.append(
                "\(folder) holds another artifact: fingerprint \(record.fingerprint.prefix(12))… instead of \(fingerprint.prefix(12))…."
            )
        }
        if folder.lastComponent?.string.byteText.hasSuffix("-\(record.fingerprint.prefix(12))") != true {
            problems.append("The name of the folder \(folder) doesn't end in its fingerprint.")
        }
        return problems
    }

    private func inspectFiles(_ record: ArtifactRecord, _ finding: inout Finding) throws(FileError) {
        // By bytes: "é" in another form is another file.
        var listed: Set<ByteText> = [ArtifactRecord.fileName.byteText]
        let marker = IncompleteMarker(of: record, in: folder)
        let references = record.references
        for file in record.files {
            guard file.isInside, listed.insert(file.path.byteText).inserted else {
                finding.problems.append("Its list of files has an entry that can't be: \(file.path).")
                continue
            }
            let path = folder.pushing(FilePath(file.path))
            if marker?.leftOut.contains(file.path) == true,
                try FileSystem.status(path, followingLinks: false) == nil
            {
                finding.leftOut.append(file)
            } else if let problem = try problem(of: file, isReference: references.contains(file.path)) {
                finding.problems.append(problem)
            }
        }
        if marker != nil { listed.insert(IncompleteMarker.fileName.byteText) }
        for name in try Self.files(below: folder) where !listed.contains(name.byteText) {
            finding.problems.append("It holds \(name), which its artifact.json doesn't list.")
        }
    }

    private func problem(of file: ArtifactRecord.File, isReference: Bool) throws(FileError) -> String? {
        let path = folder.pushing(FilePath(file.path))
        guard let status = try FileSystem.status(path, followingLinks: isReference) else {
            return isReference
                ? "Its file \(file.path) is a link to a download that isn't in the cache any more; running its experiment again downloads it."
                : "Its file \(file.path) is missing."
        }
        guard status.kind == .file else { return "Its file \(file.path) is no plain file." }
        guard status.size == file.size else {
            return "Its file \(file.path) has \(status.size) bytes instead of \(file.size)."
        }
        let hash = try SHA256.hex(ofFile: path)
        guard hash != file.sha256 else { return nil }
        return
            "Its file \(file.path) has the SHA-256 \(hash.prefix(12))… instead of \(file.sha256.prefix(12))…."
    }

    /// Everything below a folder but folders, by path relative to it, in order; links aren't followed.
    static func files(below folder: FilePath) throws(FileError) -> [String] {
        var found: [String] = []
        func visit(_ folder: Folder, _ relative: String) throws(FileError) {
            for name in try folder.names() {
                let place = FilePath(root: nil, components: name)
                let text = name.validText ?? "\(name.string) (whose name isn't UTF-8)"
                let child = relative.isEmpty ? text : "\(relative)/\(text)"
                switch try folder.status(place)?.kind {
                case .folder?:
                    if let next = try folder.folder(place) { try visit(next, child) }
                // It went meanwhile.
                case nil: break
                default: found.append(child)
                }
            }
        }
        try visit(try Folder(folder), "")
        return found
    }
}

/// The artifacts of a run and all those that they were made from.
struct ArtifactCollection {
    /// One artifact, found or not.
    struct Item {
        /// The stage's full name; for what no stage of the run made, the place in the store.
        let name: String
        let fingerprint: String
        let folder: FilePath
        let finding: ArtifactInspector.Finding
        /// It, if its record can be read and is of the right recipe.
        var artifact: Artifact? {
            finding.record.flatMap {
                $0.fingerprint == fingerprint ? Artifact(folder: folder, record: $0) : nil
            }
        }
    }

    private(set) var items: [Item] = []
    private var known: [String: Int] = [:]
    private let store: Store
    private let catalog: StoreCatalog

    /// Finds and inspects them.
    ///
    /// - Throws: `FileError`.
    init(_ run: RunRecord, in store: Store, cancellation: Cancellation) throws {
        self.store = store
        catalog = StoreCatalog(store)
        var waiting = run.stages.filter { $0.status == .made || $0.status == .cached }.map {
            (name: $0.stage, fingerprint: $0.fingerprint, place: Optional(store.root.pushing($0.artifact)))
        }[...]
        while let next = waiting.popFirst() {
            if cancellation.isCancelled { throw Interrupted() }
            guard known[next.fingerprint] == nil else { continue }
            let folder = place(of: next.fingerprint, first: next.place)
            let finding = try ArtifactInspector(folder: folder, fingerprint: next.fingerprint).inspect()
            var relative = folder
            _ = relative.removePrefix(store.root)
            known[next.fingerprint] = items.count
            items.append(
                Item(
                    name: next.name.isEmpty ? relative.string : next.name, fingerprint: next.fingerprint,
                    folder: folder, finding: finding))
            for input in finding.record?.inputList ?? [] {
                waiting.append(("", input.fingerprint, nil))
            }
        }
    }

    /// The artifact of this fingerprint.
    subscript(fingerprint: String) -> Item? { known[fingerprint].map { items[$0] } }

    /// Where an artifact is: where the run says, else where the index or a search of the store finds it.
    private func place(of fingerprint: String, first: FilePath?) -> FilePath {
        if let first, FileSystem.exists(first) { return first }
        if let noted = store.notedLocation(of: fingerprint), FileSystem.exists(noted) { return noted }
        return catalog[fingerprint]?.folder ?? first
            ?? store.root.appending("…-\(fingerprint.prefix(12))")
    }

    /// What doesn't hold between an artifact and those that it was made from.
    func inputProblems(of item: Item) -> [String] {
        guard let record = item.finding.record else { return [] }
        guard let inputs = record.inputList else {
            return ["Its list of inputs doesn't fit its recipe."]
        }
        var problems: [String] = []
        for input in inputs {
            let name = "Its input \(input.key) (\(input.reference))"
            if let folder = input.folder, !folder.byteText.hasSuffix("-\(input.fingerprint.prefix(12))") {
                problems.append(
                    "\(name) is named \(folder), but its recipe says \(input.fingerprint.prefix(12))….")
            }
            guard let artifact = self[input.fingerprint]?.artifact else {
                problems.append(
                    "\(name) isn't in the store: no artifact has the fingerprint \(input.fingerprint.prefix(12))…."
                )
                continue
            }
            if let content = input.content, content != artifact.record.content {
                problems.append(
                    "\(name) isn't what it was made from: files or metrics of the artifact that is there now are others."
                )
            }
        }
        // Every point of a sweep can miss the same input.
        var told: Set<String> = []
        return problems.filter { told.insert($0).inserted }
    }
}

/// Samples drawn at random from all stages that compute samples.
struct SampleDraw {
    /// The samples of one stage.
    struct Choice {
        let subject: VerificationBench.Subject
        let stage: any SampledStage
        /// Their places in the journal, rising.
        let samples: [Int]
    }

    let chosen: [Choice]
    /// How many samples there are in all.
    let total: Int

    /// Every sample of every stage is as likely as any other.
    init(_ bench: VerificationBench, count: Int, seed: UInt64) {
        var sources: [(subject: VerificationBench.Subject, stage: any SampledStage, count: Int)] = []
        for item in bench.artifacts.items {
            guard case .ready(let subject) = bench.access(item), subject.missing == nil,
                let stage = subject.stage.implementation as? any SampledStage,
                let records = try? Journal.read(type(of: stage).journal(of: subject.artifact.folder))
            else { continue }
            sources.append((subject, stage, records.count))
        }
        let total = sources.reduce(0) { $0 + $1.count }
        var generator = SplitMix64(seed: seed)
        var places: Set<Int> = []
        // Floyd's way of drawing without replacement: one draw per sample, however many are asked for.
        for last in max(0, total - count)..<total {
            let place = Int.random(in: 0...last, using: &generator)
            places.insert(places.contains(place) ? last : place)
        }
        self.total = total
        var start = 0
        chosen = sources.compactMap { source in
            defer { start += source.count }
            let own = places.filter { $0 >= start && $0 < start + source.count }.map { $0 - start }.sorted()
            return own.isEmpty
                ? nil : Choice(subject: source.subject, stage: source.stage, samples: own)
        }
    }
}

/// Steele, Lea and Flood's generator: short, and the same on every machine.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
