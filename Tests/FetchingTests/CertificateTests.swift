import Files
import SystemPackage
import TestSupport
import Testing

@testable import Fetching

/// Servers whose certificates don't hold.
@Suite(.serialized) struct CertificateTests {
    private static let python = "/usr/bin/python3"
    private static let openssl = "/usr/bin/openssl"
    static let isPossible = [python, openssl].allSatisfy { FileSystem.exists(FilePath($0)) }
    private static let content = FetchBench.content(5000)

    /// A key with its certificate, made by openssl.
    private struct Certificate {
        let folder: FilePath
        let name: String
        var file: String { folder.appending("\(name).pem").string }
        var key: String { folder.appending("\(name).key").string }
    }

    private static func openssl(_ arguments: [String], in folder: FilePath) throws {
        let outcome = try Command(FilePath(openssl), arguments, scratch: folder).wait()
        try #require(outcome.code == 0, "openssl \(arguments.joined(separator: " ")): \(outcome.log)")
    }

    /// A certificate for a host, signed by itself or by an authority.
    private static func certificate(
        _ name: String, host: String, by authority: Certificate? = nil, in folder: FilePath
    ) throws -> Certificate {
        let made = Certificate(folder: folder, name: name)
        var arguments = [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(host)",
            "-addext", "subjectAltName=DNS:\(host)", "-keyout", made.key, "-out", made.file,
        ]
        if let authority { arguments += ["-CA", authority.file, "-CAkey", authority.key] }
        try openssl(arguments, in: folder)
        return made
    }

    /// Serves a folder over TLS for as long as the body takes.
    private static func serving(
        _ certificate: Certificate, _ body: (_ port: Int) throws -> Void
    ) throws {
        let script = """
            import functools, http.server, ssl, sys
            handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[2], sys.argv[3])
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            open(sys.argv[4] + ".new", "w").write(str(server.server_port))
            import os, threading
            os.rename(sys.argv[4] + ".new", sys.argv[4])
            threading.Timer(60, lambda: os._exit(0)).start()
            server.serve_forever()
            """
        let folder = certificate.folder
        let ready = folder.appending("port-\(certificate.name)")
        try FileSystem.writeAtomically(content, to: folder.appending("file.bin"))
        let server = try Command(
            FilePath(python),
            ["-c", script, folder.string, certificate.file, certificate.key, ready.string], scratch: folder)
        defer {
            server.send(9)
            _ = server.wait()
        }
        for _ in 0..<400 where !FileSystem.exists(ready) { Pause.short() }
        let port = try #require(Int(try FileSystem.readText(ready)), "the server didn't start: \(server.log)")
        try body(port)
    }

    private func bench(port: Int, authorities: Certificate?) throws -> FetchBench {
        let bench = try FetchBench()
        if let authorities { bench.variables["SSL_CERT_FILE"] = authorities.file }
        try bench.lockFile(["https://localhost:\(port)/file.bin"], Self.content)
        return bench
    }

    @Test(
        "only a certificate of a known authority for the very host is accepted",
        .enabled(if: isPossible, "needs python3 and openssl in /usr/bin to make servers and certificates"))
    func certificates() throws {
        let scratch = try ScratchFolder()
        let authority = try Self.certificate("authority", host: "authority.invalid", in: scratch.path)
        let own = try Self.certificate("own", host: "localhost", in: scratch.path)
        let right = try Self.certificate("right", host: "localhost", by: authority, in: scratch.path)
        let wrong = try Self.certificate("wrong", host: "elsewhere.invalid", by: authority, in: scratch.path)

        // One that signed itself: nobody vouches for it, whatever other authorities are trusted.
        try Self.serving(own) { port in
            for authorities in [nil, authority] {
                let bench = try bench(port: port, authorities: authorities)
                let failure = try #require(bench.failure())
                #expect("\(failure)".lowercased().contains("certificate"), "\(failure)")
                #expect(try bench.cached().isEmpty && bench.advanced == 0)
                // It isn't tried again: it wouldn't be better the next time.
                #expect(!bench.log.contains { $0.contains("trying again") }, "\(bench.log)")
            }
        }
        // One for another host, although the authority is trusted.
        try Self.serving(wrong) { port in
            let bench = try bench(port: port, authorities: authority)
            let failure = try #require(bench.failure())
            #expect("\(failure)".contains("localhost"), "\(failure)")
            #expect(try bench.cached().isEmpty && bench.advanced == 0)
        }
        // The same server with the right name is accepted, so that it is the certificate that decides.
        try Self.serving(right) { port in
            let trusting = try bench(port: port, authorities: authority)
            #expect(try trusting.bytes() == Self.content)
            let strange = try bench(port: port, authorities: nil)
            #expect(strange.failure() != nil)
        }
    }
}
