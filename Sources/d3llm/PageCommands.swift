import ArgumentParser
import ArtifactStore
import Audit
internal import Base
import History
import Recipes
import Runs
import Serving
import Sessions
import SystemPackage

/// `d3llm serve` decodes for a web page and for clients of OpenAI's interface.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a model: a web page that decodes, and an interface as OpenAI's.",
        discussion: """
            The page shows two methods decoding one prompt. Clients of OpenAI's interface find /v1/chat/completions, \
            /v1/completions and /v1/models; /health says what the server does. There is no password: whoever reaches \
            the port can use it, by default this machine only. Ctrl-C stops it. See docs/live.md.
            """)

    @OptionGroup var live: LiveOptions

    @Option(help: "The numeric address to listen at; 0.0.0.0 lets every machine of the network in.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 for any that is free.")
    var port = 8080

    @Option(
        name: .customLong("allow-host"),
        help: ArgumentHelp(
            "A name under which browsers and clients may call the server, besides localhost and numbers.",
            valueName: "name"))
    var allowedHosts: [String] = []

    @Option(help: "Responses decoded at once; they share the threads. More are refused with 429.")
    var slots = 2

    @Option(help: "The most tokens of a response.")
    var maximumTokens = 2048

    func validate() throws {
        if !(0...65535).contains(port) { throw ValidationError("--port takes 0 to 65535.") }
        if !(1...256).contains(slots) { throw ValidationError("--slots takes 1 to 256.") }
        if !(1...1_000_000).contains(maximumTokens) {
            throw ValidationError("--maximum-tokens takes 1 to 1000000.")
        }
    }

    func run() throws {
        try ExitCodes.reporting {
            let start = try live.load()
            let model = start.model
            var options = Server.Options()
            (options.host, options.port, options.allowedHosts) = (host, port, allowedHosts)
            (options.slots, options.maximumTokens, options.threads) = (slots, maximumTokens, live.threadCount)
            options.samples = start.samples
            @Sendable func say(_ text: String) { Output.notice(text + "\n") }
            let server = Server(model, start.setting, options, log: say)
            TerminalGuard.begin(hidesCursor: false)
            defer { TerminalGuard.end() }
            if !["127.0.0.1", "::1"].contains(host) {
                say("warning: other machines can use this server; it asks for no password.")
            }
            if let caveat = model.caveat { say(caveat) }
            if let remark = start.setting.remark { say("\(remark).") }
            try server.run { address in
                _ = try? FileDescriptor.standardOutput.writeAll(
                    ("Serving \(model.name) at \(address)".visible + "\n").utf8)
            } shouldStop: {
                TerminalGuard.isInterrupted
            }
            say("Stopped.")
        }
    }
}

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
