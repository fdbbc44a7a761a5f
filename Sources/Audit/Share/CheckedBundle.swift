import ArtifactStore
internal import Base
import Files
import JSON
import Runs
import SystemPackage

/// An unpacked bundle of which everything holds that can be checked without the program's stages.
struct CheckedBundle {
    /// The part that looks like a store.
    let store: Store
    /// The run's address: `<experiment>/runs/<time>-<n>`.
    let run: String
    let record: RunRecord
    let items: [ArtifactCollection.Item]

    /// - Throws: `ImportError` naming the first thing that doesn't hold; `FileError`, `Interrupted`.
    init(_ folder: FilePath, cancellation: Cancellation) throws {
        let bundle = try Bundle(in: folder)
        try bundle.check(in: folder)
        store = Store(folder.appending(Bundle.store))
        run = bundle.run
        guard let place = FilePath(foreign: run), place.isRelative,
            place.components.allSatisfy({ $0.kind == .regular })
        else {
            throw ImportError("the place of its run, \(run), isn't inside a store")
        }
        let runFolder = store.root.pushing(place)
        do {
            record = try RunRecord.read(runFolder)
        } catch let error as RunRecordError {
            throw ImportError("the record of its run can't be read: \(error.description.unended)")
        }
        let name = FilePath(run).lastComponent?.string ?? ""
        guard run == "\(record.experiment)/runs/\(name)", Store.isRunName(name),
            Store.isExperimentName(record.experiment)
        else {
            throw ImportError("its run of \(record.experiment) is in \(run), where no run of that would be")
        }
        let collection = try ArtifactCollection(record, in: store, cancellation: cancellation)
        items = collection.items
        for item in items {
            let problems = item.finding.problems + collection.inputProblems(of: item)
            if let first = problems.first {
                throw ImportError("the artifact of \(item.name): \(first.unended)")
            }
        }
        try checkPlaces(folder)
    }

    /// Every file belongs to the run or to one of its artifacts, and those are where artifacts are.
    private func checkPlaces(_ folder: FilePath) throws {
        var known: Set<ByteText> = [Bundle.indexName.byteText, Bundle.crateName.byteText]
        for name in [RunRecord.fileName, RunRecord.experimentFileName, RunRecord.logFileName] {
            known.insert("\(Bundle.store)/\(run)/\(name)".byteText)
        }
        for item in items {
            let place = relative(item)
            guard let name = place.lastComponent?.string,
                name.byteText.hasSuffix("-\(item.fingerprint.prefix(12))"),
                Store.isExperimentName(place.removingLastComponent().string)
            else {
                throw ImportError("the artifact of \(item.name) is in \(place), where no artifact would be")
            }
            for file in try ArtifactInspector.files(below: item.folder) {
                known.insert("\(Bundle.store)/\(place)/\(file)".byteText)
            }
        }
        if let stranger = try ArtifactInspector.files(below: folder).first(where: {
            !known.contains($0.byteText)
        }) {
            throw ImportError("its file \(stranger) belongs neither to the run nor to an artifact of it")
        }
    }

    /// The place of an artifact relative to the store.
    func relative(_ item: ArtifactCollection.Item) -> FilePath {
        var place = item.folder
        _ = place.removePrefix(store.root)
        return place
    }
}

extension Store {
    /// Whether an experiment can be called so: relative, without hidden or reserved folders.
    static func isExperimentName(_ name: String) -> Bool {
        let parts = name.byteText.split("/", keepingEmpty: true)
        return parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !reservedFolders.contains($0.text) }
    }

    /// Whether a run's folder can be called so: `20261121T083104Z-1`.
    static func isRunName(_ name: String) -> Bool {
        let parts = name.byteText.split("-", keepingEmpty: true)
        return parts.count == 2 && parts[0].count == 16 && Int(parts[1].text) != nil
            && parts[0].bytes.allSatisfy { "0123456789TZ".utf8.contains($0) }
    }
}

extension String {
    /// A sentence without its full stop, to be a part of another.
    var unended: String { byteText.dropping(suffix: ".")?.text ?? self }
}
