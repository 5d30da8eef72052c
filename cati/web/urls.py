"""Addresses inside a wave, under /v/<wave>/."""

from django.urls import include, path

from cati.web import (
    cases,
    inbound,
    interview,
    interviewer,
    jobs,
    oppositions,
    people,
    questionnaire,
    rates,
    sample,
    supervisor,
    wave,
)

on_a_case = [
    path("", interviewer.case, name="case"),
    path("appel/", interviewer.dial, name="dial"),
    path("rendre/", interviewer.release_case, name="release-case"),
    path("note/", interviewer.note, name="note"),
    path("fin/", interviewer.outcome, name="outcome"),
    path("entretien/", interview.interview, name="interview"),
    path("question/<str:item>/", interview.question, name="question"),
    path("reponse/", interview.answer, name="answer"),
    path("apercu/", interview.preview, name="preview"),
    path("reponses/", interview.answers, name="answers"),
    path("battement/", interview.heartbeat, name="heartbeat"),
]

urlpatterns = [
    # The interviewer
    path("enquete/", interviewer.home, name="interviewer-home"),
    path("enquete/suivante/", interviewer.next_case, name="next-case"),
    path("enquete/rappel/", inbound.search, name="inbound"),
    path("enquete/rappel/<int:number>/", inbound.take, name="take-inbound"),
    path("fiche/<int:number>/", include(on_a_case)),
    # The supervisor and the admin
    path("terrain/", supervisor.board, name="board"),
    path("terrain/tableau/", supervisor.board_rows, name="board-rows"),
    path("indicateurs/", rates.page, name="rates"),
    path("indicateurs/tableau.csv", rates.table, name="rates-table"),
    path("indicateurs/appels/", rates.export_calls, name="export-calls"),
    path("fiches/", cases.page, name="cases"),
    path("fiches/<int:number>/", cases.case, name="supervise-case"),
    path("fiches/<int:number>/<str:kind>/", cases.act, name="act-on-case"),
    path("oppositions/", oppositions.page, name="oppositions"),
    path("replicats/", oppositions.replicates, name="replicates"),
    path("replicats/<int:replicate>/liberer/", oppositions.release, name="release-replicate"),
    path("acces/", people.page, name="people"),
    path("acces/ajouter/", people.add, name="add-person"),
    path("acces/<int:person>/", people.person, name="person"),
    path("acces/<int:person>/mot-de-passe/", people.reset_password, name="reset-password"),
    path("acces/<int:person>/compte/", people.shut, name="shut-account"),
    path("preparation/", wave.home, name="wave-home"),
    path("echantillon/", sample.page, name="sample"),
    path("echantillon/<int:upload>/", sample.upload, name="sample-upload"),
    path("echantillon/<int:upload>/verdict/", sample.progress, name="sample-progress"),
    path("echantillon/<int:upload>/importer/", sample.write, name="import-sample"),
    path("echantillon/<int:upload>/retirer/", sample.give_up, name="give-up-sample"),
    path("questionnaire/", questionnaire.page, name="questionnaire"),
    path("questionnaire/comparer/", questionnaire.comparison, name="compare-versions"),
    path("questionnaire/publier/", questionnaire.publish, name="publish-questionnaire"),
    path("travaux/", jobs.page, name="jobs"),
    path("travaux/tableau/", jobs.rows, name="job-rows"),
    path("travaux/<int:job>/annuler/", jobs.cancel, name="cancel-job"),
    path("travaux/<int:job>/relancer/", jobs.retry, name="retry-job"),
    path("travaux/<int:job>/fichier/", jobs.download, name="download-job"),
]
