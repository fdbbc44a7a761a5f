internal import Base
import Files
import Recipes
package import SystemPackage

/// Artifacts that another experiment has made: same fingerprint, so the same content.
///
/// `.index/<fingerprint>` holds the place of the artifact, relative to the store. It is only a hint: a wrong or
/// missing one costs the reuse, never a wrong artifact, because what it points to is checked like any other.
extension Store {
    /// Notes where an artifact is.
    ///
    /// An artifact is whole without its note, so that one that can't be written is no error. Without the artifact's lock,
    /// another process may take the temporary folder for that of a dead one, which costs the note.
    package func noteLocation(of fingerprint: String, _ folder: FilePath) {
        guard let relative = try? place(of: folder) else { return }
        writeNote(Array("\(relative)\n".utf8), for: fingerprint, in: .index)
    }

    /// Puts a note on an artifact in its place, whole or not at all.
    func writeNote(_ bytes: [UInt8], for fingerprint: String, in hidden: HiddenFolder) {
        guard let target = try? makeHidden(hidden), let temporary = try? makeHidden(.temporary) else {
            return
        }
        // Among the temporary folders, where what a kill leaves is found and removed.
        let own = FilePath("\(fingerprint).note-\(String(UInt32.random(in: 0 ... .max), radix: 16))")
        let note = own.appending("note")
        do {
            try temporary.makeFolder(own)
            try temporary.writeAtomically(bytes, to: note)
            try temporary.rename(note, to: target, FilePath(fingerprint))
        } catch {}
        try? temporary.remove(own)
    }

    /// Where the index says that the artifact is, if that is inside the store.
    package func notedLocation(of fingerprint: String) -> FilePath? {
        guard Recipe.isFingerprint(fingerprint),
            let bytes = try? hidden(.index)?.read(FilePath(fingerprint), limit: 1 << 16),
            let text = String(validating: bytes, as: UTF8.self),
            let line = text.byteText.split("\n").first?.text,
            let relative = FilePath(foreign: String(line))?.lexicallyNormalized()
        else { return nil }
        guard relative.isRelative, relative.components.first.map({ $0.kind == .regular }) ?? false else {
            return nil
        }
        return root.pushing(relative)
    }
}
