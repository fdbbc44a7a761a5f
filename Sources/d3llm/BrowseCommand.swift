import ArgumentParser
import ArtifactStore
internal import Base
import History
import Serving
import Sessions
import SystemPackage

/// `d3llm browse` shows a store in a web browser.
struct BrowseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "browse",
        abstract: "Show the whole store in a web page: experiments, runs, stages, samples.",
        discussion: """
            Pages are made from the store when they are asked for and change nothing; runs that go on are shown as they are, \
            and the losses of an experiment's runs over one another. There is no password: whoever reaches the port can read \
            what the store says, by default this machine only. Ctrl-C stops it.
            """)

    @Option(help: "The numeric address to listen at; 0.0.0.0 lets every machine of the network in.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 for any that is free.")
    var port = 8081

    @Option(
        name: .customLong("allow-host"),
        help: ArgumentHelp(
            "A name under which browsers may call the server, besides localhost and numbers.",
            valueName: "name"))
    var allowedHosts: [String] = []

    @OptionGroup var storage: StoreOptions

    func validate() throws {
        if !(0...65535).contains(port) { throw ValidationError("--port takes 0 to 65535.") }
    }

    func run() throws {
        try ExitCodes.reporting {
            let store = storage.store
            guard store.isThere else { throw UnknownRunError(store) }
            let browser = StoreBrowser(store, registry: D3LLM.registry)
            let server = PageServer(
                host: host, port: port, allowedHosts: allowedHosts, log: { Output.notice("\($0)\n") },
                page: { path in
                    switch browser.answer(path) {
                    case .page(let html, let refresh)?: .init(html: html, refresh: refresh)
                    case .report(let bytes)?: .init(foreign: bytes)
                    case nil: nil
                    }
                })
            TerminalGuard.begin(hidesCursor: false)
            defer { TerminalGuard.end() }
            if !["127.0.0.1", "::1"].contains(host) {
                Output.notice("warning: other machines can use this server; it asks for no password.\n")
            }
            try server.run { address in
                _ = try? FileDescriptor.standardOutput.writeAll(
                    "The store \(store.place) at \(address)\n".visibleLines.utf8)
            } shouldStop: {
                TerminalGuard.isInterrupted
            }
            Output.notice("Stopped.\n")
        }
    }
}
