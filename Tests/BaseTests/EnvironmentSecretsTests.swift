import Testing

@testable import Base

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What is secret in an environment, and where it goes.
@Suite struct EnvironmentSecretsTests {
    @Test func namesThatSoundLikeSecretsAreSecret() {
        let secret = [
            "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "GITHUB_TOKEN", "OPENAI_API_KEY", "WANDB_API_KEY", "KEY",
            "token",
            "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "DB_PASSWORD", "MY_SECRET",
            "GOOGLE_CREDENTIALS", "D3LLM_API_KEY", "GH_PAT",
        ]
        for name in secret { #expect(EnvironmentSecrets.isSecret(name), "\(name)") }
        let plain = [
            "PATH", "HOME", "HF_TOKEN_PATH", "HF_HOME", "D3LLM_CACHE", "OMP_NUM_THREADS",
            "TOKENIZERS_PARALLELISM",
            "KEYBOARD", "MONKEY", "LANG", "_", "", "AWSOME", "SLURM_STEP_KEY", "OMPI_MCA_TOKEN",
            "PMIX_SECURITY_KEY",
            "KEY\u{301}",
        ]
        for name in plain { #expect(!EnvironmentSecrets.isSecret(name), "\(name)") }
    }

    @Test func whatIsWithheldIsKeptAndLeavesNoTrace() {
        let name = "D3LLM_WITHHELD_BY_A_TEST_TOKEN"
        setenv(name, "hf_value=with=signs", 1)
        // Where it stands in memory, as the kernel shows it to others.
        var entry = environ
        var place: UnsafeMutablePointer<CChar>?
        while let text = entry.pointee {
            if String(cString: text).hasPrefix(name) { place = text + name.utf8.count + 1 }
            entry += 1
        }
        #expect(place.map { String(cString: $0) } == "hf_value=with=signs")
        EnvironmentSecrets.withhold { $0 == name }
        #expect(getenv(name) == nil)
        #expect(place?.pointee == 0 && place?[5] == 0)
        #expect(EnvironmentSecrets.value(name) == "hf_value=with=signs")
        #expect(EnvironmentSecrets.value("PATH") == getenv("PATH").map { String(cString: $0) })
    }
}
