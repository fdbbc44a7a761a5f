internal import Base
import Files
package import SystemPackage

/// Artifacts that another experiment has made: same fingerprint, so the same content.
///
/// `.index/<fingerprint>` holds the place of the artifact, relative to the store. It is only a hint: a wrong or
/// missing one costs the reuse, never a wrong artifact, because what it points to is checked like any other.
extension Store {
    private func indexFile(_ fingerprint: String) -> FilePath {
        root.appending(".index").appending(fingerprint)
    }

    /// Notes where an artifact is.
    ///
    /// An artifact is whole without its note, so that one that can't be written is no error. Without the artifact's lock,
    /// another process may take the temporary folder for that of a dead one, which costs the note.
    package func noteLocation(of fingerprint: String, _ folder: FilePath) {
        var relative = folder
        guard relative.removePrefix(root) else { return }
        let file = indexFile(fingerprint)
        // Among the temporary folders, where what a kill leaves is found and removed.
        let temporary = temporaryFolder.appending(
            "\(fingerprint).note-\(String(UInt32.random(in: 0 ... .max), radix: 16))")
        let note = temporary.appending("note")
        do {
            try FileSystem.createDirectory(file.removingLastComponent())
            try FileSystem.createDirectory(temporary)
            try FileSystem.writeAtomically(Array("\(relative)\n".utf8), to: note)
            try FileSystem.rename(note, to: file)
        } catch {}
        try? FileSystem.remove(temporary)
    }

    /// Where the index says that the artifact is, if that is inside the store.
    package func notedLocation(of fingerprint: String) -> FilePath? {
        guard let text = try? FileSystem.readText(indexFile(fingerprint)),
            let line = text.byteText.split("\n").first?.text
        else { return nil }
        let relative = FilePath(String(line)).lexicallyNormalized()
        guard relative.isRelative, relative.components.first.map({ $0.kind == .regular }) ?? false else {
            return nil
        }
        return root.pushing(relative)
    }
}
