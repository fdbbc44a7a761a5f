import Base
import Files
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Leases of a store that somebody else prepared: what they say becomes a part of no name unless this program could have
/// written it.
@Suite struct HostileLeaseTests {
    let scratch: ScratchFolder
    let folder: Folder

    init() throws {
        scratch = try ScratchFolder()
        folder = try Folder(scratch.path).makeFolder("home/store/.locks")
    }

    private static let good = String(repeating: "0123456789abcdef", count: 2)

    /// Ids that aren't 32 hexadecimal digits, many of them 32 Characters.
    private static let ids: [String] = {
        var ids = ["", String(good.dropLast()), good + "0", good + good, " " + good, good + "\r"]
        let digits = Array(good.utf8).map { String(UnicodeScalar($0)) }
        for part in [
            "\0", "/", ".", "..", "../", "\u{301}", "a\u{301}", "/\u{301}", "\u{600}/", "A", "F", "g", "G",
            "-", " ",
            "\t", "\r", "\u{FF11}", "\u{661}", "é", "\u{FEFF}", "e\u{301}\u{316}",
        ] {
            for place in [0, 1, 15, 31] {
                var changed = digits
                changed[place] = part
                ids.append(changed.joined())
            }
            ids.append(String(repeating: part, count: 32))
        }
        for path in ["a/../../../victim", "a/../../../new", "../../victim", "a/../f.lease", "/etc/passwd"] {
            let length = path.count
            ids.append(path + String(repeating: "\0", count: max(0, 32 - length)))
            ids.append("a/" + String(repeating: "./", count: max(0, (30 - length) / 2)) + path)
        }
        return ids
    }()

    private func write(_ name: String, id: String, counter: String = "0000000000000000", expiry: String = "1")
        throws
    {
        let text = "d3llm-lease 1\n\(id)\n\(counter)\n\(expiry)\n{\"process\":1,\"host\":\"h\"}\n"
        try folder.writeAtomically(text.utf8, to: FilePath(name))
    }

    @Test func whatThisProgramWritesIsRead() throws {
        try write("f.lease", id: Self.good)
        let lease = try #require(try LeaseFile.read("f.lease", in: folder))
        #expect(lease.id == Self.good && lease.expiry == 1 && lease.owner == "process 1 on h")
    }

    @Test(arguments: ids) func anIdThatIsNoneSaysNothing(id: String) throws {
        try write("f.lease", id: id)
        let chain = try LeaseChain(folder, "f")
        #expect(chain.files.count == 1 && chain.holder?.id == "" && chain.holder?.owner == "another process")
    }

    @Test(arguments: [
        "", "0", "000000000000000", "00000000000000000", "000000000000000A", "00000000000000/0",
        "000000000000000\u{301}",
    ])
    func aCounterThatIsNoneSaysNothing(counter: String) throws {
        try write("f.lease", id: Self.good, counter: counter)
        #expect(try LeaseChain(folder, "f").holder?.id == "")
    }

    @Test(arguments: ["0", "-1", "nan", "inf", "1e300", "3601", "", "1\0"])
    func aTimeThatNoLeaseHasSaysNothing(expiry: String) throws {
        try write("f.lease", id: Self.good, expiry: expiry)
        #expect(try LeaseChain(folder, "f").holder?.id == "")
    }

    /// Files that lead back to one another would be read again and again, and the lease never be free.
    @Test func aCircleOfLeasesEnds() throws {
        let (a, b) = (String(repeating: "a", count: 32), String(repeating: "b", count: 32))
        try write("f.lease", id: a)
        try write("f.\(a).next", id: b)
        try write("f.\(b).next", id: a)
        let chain = try LeaseChain(folder, "f")
        #expect(chain.files.count == 3 && chain.holder?.id == "")
    }

    /// The leases say that they run out after a second; whoever takes one over then makes and removes files by their ids.
    @Test func nothingOutsideIsTouchedWhenTheyRunOut() throws {
        let home = scratch.path.appending("home")
        let victims = ["victim", "victim.next", "file"].map { home.appending($0) }
        for victim in victims { try FileSystem.writeAtomically("mine", to: victim) }
        for (number, id) in Self.ids.enumerated() {
            try write("f\(number).lease", id: id)
            try folder.makeFolder(FilePath("f\(number).a"))
        }
        let before = try FileSystem.list(home)
        let end = SteadyClock.now() + 1.5
        repeat {
            for number in Self.ids.indices {
                #expect(try Lease.attempt(folder, "f\(number)") == nil)
                let now = try FileSystem.list(home)
                #expect(now == before, "\(Self.ids[number].visible)")
            }
            usleep(100_000)
        } while SteadyClock.now() < end
        for victim in victims { #expect(try FileSystem.readText(victim) == "mine") }
    }

    @Test(arguments: Obstacle.allCases, ["f.lease", "f.\(good).next"])
    func aLeaseThatIsNoFileIsAnError(obstacle: Obstacle, name: String) throws {
        try write("f.lease", id: Self.good)
        let path = folder.path.appending(name)
        try obstacle.place(at: path)
        for attempt in [
            { _ = try Lease.attempt(folder, "f") }, { _ = try Lease.isFree(folder, "f") },
            { _ = try LeaseChain(folder, "f") },
        ] as [() throws -> Void] {
            let error = #expect(throws: FileError.self) { try attempt() }
            #expect(error?.description.contains(path.string) == true, "\(error?.description ?? "")")
        }
    }

    /// Names of artifacts and places of runs end where the system would cut them off, so that such a text is refused.
    @Test(arguments: ["\0", "a\0", "a\0/../../x", "../x", "/x", ""])
    func aPathOfARecordThatLeadsElsewhereIsRefused(path: String) {
        #expect(!ArtifactRecord.File(path: path, size: 1, sha256: "").isInside)
    }
}
