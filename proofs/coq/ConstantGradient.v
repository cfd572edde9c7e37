(* T4: under a constant gradient c every step of Algorithm 1 is alpha c / (|c| + eps), at every t.
   Hypotheses: 0 <= b1, b2 < 1. Nothing is asked of alpha, eps or c. *)

From Coq Require Import Reals Lra Lia.
From Adamcheck Require Import Adam.
Open Scope R_scope.

Lemma m_constant : forall b1 g c t,
  (forall i, (1 <= i <= t)%nat -> g i = c) -> m b1 g t = c * (1 - b1 ^ t).
Proof.
  intros b1 g c t. induction t as [|n IH]; intros H; [simpl; ring|].
  cbn [m pow]. rewrite IH by (intros; apply H; lia). rewrite H by lia. ring.
Qed.

Lemma v_constant : forall b2 g c t,
  (forall i, (1 <= i <= t)%nat -> g i = c) -> v b2 g t = c ^ 2 * (1 - b2 ^ t).
Proof.
  intros b2 g c t. induction t as [|n IH]; intros H; [simpl; ring|].
  cbn [v]. rewrite IH by (intros; apply H; lia). rewrite H by lia. simpl. ring.
Qed.

(** T4. *)
Theorem constant_gradient : forall alpha b1 b2 eps c g t,
  0 <= b1 < 1 -> 0 <= b2 < 1 -> (1 <= t)%nat ->
  (forall i, (1 <= i <= t)%nat -> g i = c) ->
  Delta alpha b1 b2 eps g t = alpha * c / (Rabs c + eps).
Proof.
  intros alpha b1 b2 eps c g t H1 H2 Ht Hg.
  pose proof (pow_below_1 b1 t H1 Ht). pose proof (pow_below_1 b2 t H2 Ht).
  assert (Hm : m_hat b1 g t = c)
    by (unfold m_hat; rewrite (m_constant b1 g c t Hg); field; lra).
  assert (Hv : v_hat b2 g t = Rsqr c)
    by (unfold v_hat, Rsqr; rewrite (v_constant b2 g c t Hg); field; lra).
  unfold Delta. rewrite Hm, Hv, sqrt_Rsqr_abs. reflexivity.
Qed.

(** The first step forgets both decay rates. *)
Corollary first_step : forall alpha b1 b2 eps g,
  0 <= b1 < 1 -> 0 <= b2 < 1 ->
  Delta alpha b1 b2 eps g 1 = alpha * g 1%nat / (Rabs (g 1%nat) + eps).
Proof.
  intros. apply constant_gradient; auto.
  intros i Hi. replace i with 1%nat by lia. reflexivity.
Qed.

Print Assumptions constant_gradient.
Print Assumptions first_step.
