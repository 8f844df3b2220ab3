// Brings released objects into a pipeline: a Nextflow process around `skerry fetch`.
//
//   nextflow run fetch.nf --node https://node.example.org --objects objects.txt \
//       --workspace /secure/skerry-workspace --token /secure/passport
//
// The workspace is one of kind external (docs/release.md): made once with `skerry workspace init` and
// registered with `--external`. Its folder holds the secret key, so it is never staged: only this
// process reads it, on the host that has it. Plaintext is written into the task's own folder, which
// `--insecure-plaintext-path` says and the delivery records: put Nextflow's work directory on a
// volume that may hold it.

params.node = null
params.objects = null     // one object id a line, such as isle/reads/chr1.bam
params.kind = 'reads'     // reads, variants or file
params.region = null      // optional: chr17:43044295-43125364
params.workspace = null
params.token = null

process SKERRY_FETCH {
    tag "$object"
    maxForks 4
    errorStrategy { task.exitStatus == 7 ? 'retry' : 'terminate' } // 7: the node did not answer
    maxRetries 3

    input:
    val object

    output:
    tuple val(object), path('fetched/*')

    script:
    def region = params.region ? "--region '${params.region}'" : ''
    def name = object.replaceAll('[^A-Za-z0-9._-]', '_')
    """
    mkdir fetched
    skerry fetch '${object}' --kind '${params.kind}' ${region} \\
        --workspace '${params.workspace}' --node '${params.node}' --token-file '${params.token}' \\
        --out "\$PWD/fetched/${name}" --insecure-plaintext-path
    """
}

workflow {
    SKERRY_FETCH(Channel.fromPath(params.objects).splitText().map { it.trim() }.filter { it })
}
