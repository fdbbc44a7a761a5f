internal import Fetching
internal import Recipes

extension PinSource {
    /// The hashes that data.lock has.
    static let dataLock = PinSource(fileName: DataLock.fileName) { bytes, path in
        try DataLock(parsing: bytes, path: path).inputs.map { input in
            let pins = input.isPinned ? input.files.map { Pin(path: $0.path, sha256: $0.sha256 ?? "") } : []
            return (input.name, pins)
        }
    }
}
